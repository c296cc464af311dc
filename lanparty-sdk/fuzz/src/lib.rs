//! The bodies of the fuzz targets, so that plain tests can run them as well: `cargo test --lib` in this folder puts the
//! corpora and many random inputs through each.
#![expect(clippy::disallowed_methods, reason = "any instant will do as the beginning")]

pub mod certificate;
pub mod ctrl_message;
pub mod datagram;
pub mod endpoint;
pub mod ethernet;
pub mod input;
pub mod member_ops;
pub mod offload;
pub mod relay_ops;
pub mod room_code;
pub mod switch_ops;

#[cfg(test)]
mod tests {
    use std::path::Path;

    fn exercise(name: &str, run: fn(&[u8])) {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
        let mut seeds: Vec<_> = corpus.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
        seeds.sort();
        let seeds: Vec<_> = seeds.iter().map(|path| std::fs::read(path).unwrap()).collect();
        assert!(!seeds.is_empty(), "{name} has a corpus");
        seeds.iter().for_each(|seed| run(seed));
        // SplitMix64: the same inputs in every run.
        let mut state = 0_u64;
        let mut chance = move || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (z ^ (z >> 31)) as usize
        };
        for round in 0..4000 {
            let mut data = if round % 2 == 0 { Vec::new() } else { seeds[chance() % seeds.len()].clone() };
            if data.is_empty() {
                data = (0..chance() % 600).map(|_| chance() as u8).collect();
            }
            for _ in 0..chance() % 8 {
                let at = chance() % data.len().max(1);
                match (data.get_mut(at), chance() % 3) {
                    (Some(byte), 0) => *byte = chance() as u8,
                    (Some(byte), 1) => *byte ^= 1 << (chance() % 8),
                    _ => data.truncate(at),
                }
            }
            run(&data);
        }
    }

    macro_rules! exercises {
        ($($name:ident),+) => {$(
            #[test]
            fn $name() {
                exercise(stringify!($name), crate::$name::run);
            }
        )+};
    }

    exercises!(
        certificate,
        ctrl_message,
        datagram,
        endpoint,
        ethernet,
        member_ops,
        offload,
        relay_ops,
        room_code,
        switch_ops
    );
}
