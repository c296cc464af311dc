//! Any bytes as a control stream: it reads the same in whatever pieces it comes, and what was read can be written.
//!
//! The first byte chooses the pieces.

use lanparty_sdk::ctrl::{Decoder, MAX_MESSAGE_LEN, MemberMessage, RelayMessage, Validate, encode};

pub fn run(data: &[u8]) {
    let Some((chunk, stream)) = data.split_first() else { return };
    read::<MemberMessage>(stream, usize::from(*chunk) + 1);
    read::<RelayMessage>(stream, usize::from(*chunk) + 1);
}

fn read<M>(stream: &[u8], chunk: usize)
where
    M: serde::de::DeserializeOwned + serde::Serialize + Validate + PartialEq + std::fmt::Debug,
{
    let whole = messages::<M>(stream, stream.len().max(1));
    assert_eq!(whole, messages::<M>(stream, chunk));
    for message in whole.0 {
        let bytes = encode(&message).expect("what was read can be written");
        assert!(bytes.len() <= 4 + MAX_MESSAGE_LEN);
        assert_eq!(messages::<M>(&bytes, chunk), (vec![message], None));
    }
}

/// All messages, and the error that ended them.
fn messages<M: serde::de::DeserializeOwned + Validate>(
    stream: &[u8],
    chunk: usize,
) -> (Vec<M>, Option<String>) {
    let mut decoder = Decoder::default();
    let mut found = Vec::new();
    for part in stream.chunks(chunk) {
        decoder.push(part);
        loop {
            match decoder.next_message() {
                Ok(Some(message)) => found.push(message),
                Ok(None) => break,
                Err(error) => return (found, Some(error.to_string())),
            }
        }
    }
    (found, None)
}
