//! A classic BPF program that a packet socket runs over every frame.

use std::net::{IpAddr, SocketAddr};

/// One instruction: `struct sock_filter`.
pub(super) type Instruction = libc::sock_filter;

const LOAD_WORD: u16 = 0x20;
const LOAD_HALF: u16 = 0x28;
const LOAD_BYTE: u16 = 0x30;
/// At an offset from the index register.
const LOAD_HALF_INDEXED: u16 = 0x48;
/// Four times the low half of a byte, into the index register: the length of an IPv4 header.
const LOAD_INDEX_IPV4: u16 = 0xb1;
const JUMP_IF_EQUAL: u16 = 0x15;
const JUMP_IF_SET: u16 = 0x45;
const RETURN: u16 = 0x06;

/// Says "the whole frame" to the kernel.
const TAKE: u32 = u32::MAX;
const IGNORE: u32 = 0;

/// A program that ignores UDP between anybody and `remote`, in either direction, and takes everything else.
pub(super) fn udp_flow(remote: SocketAddr) -> Vec<Instruction> {
    let port = u32::from(remote.port());
    let mut program = Program::default();
    match remote.ip().to_canonical() {
        IpAddr::V4(address) => {
            let address = address.to_bits();
            program.require(LOAD_HALF, 12, 0x0800);
            program.require(LOAD_BYTE, 23, 17);
            program.load(LOAD_HALF, 20);
            program.take_if_set(0x1fff);
            program.load(LOAD_INDEX_IPV4, 14);
            program.ignore_if_all(&[(LOAD_WORD, 26, address), (LOAD_HALF_INDEXED, 14, port)]);
            program.ignore_if_all(&[(LOAD_WORD, 30, address), (LOAD_HALF_INDEXED, 16, port)]);
        }
        IpAddr::V6(address) => {
            let bits = address.to_bits();
            let words = [96, 64, 32, 0].map(|shift| {
                #[expect(clippy::cast_possible_truncation, reason = "one word after the other")]
                let word = (bits >> shift) as u32;
                word
            });
            program.require(LOAD_HALF, 12, 0x86dd);
            program.require(LOAD_BYTE, 20, 17);
            for (start, port_at) in [(22, 54), (38, 56)] {
                let [a, b, c, d] = words;
                program.ignore_if_all(&[
                    (LOAD_WORD, start, a),
                    (LOAD_WORD, start + 4, b),
                    (LOAD_WORD, start + 8, c),
                    (LOAD_WORD, start + 12, d),
                    (LOAD_HALF, port_at, port),
                ]);
            }
        }
    }
    program.0.push(instruction(RETURN, 0, 0, TAKE));
    program.0
}

/// Builds without labels: every decision returns at once or goes to the next block.
#[derive(Default)]
struct Program(Vec<Instruction>);

impl Program {
    fn load(&mut self, code: u16, at: u32) {
        self.0.push(instruction(code, 0, 0, at));
    }

    /// Takes the frame unless the field has this value.
    fn require(&mut self, code: u16, at: u32, value: u32) {
        self.load(code, at);
        self.0.push(instruction(JUMP_IF_EQUAL, 1, 0, value));
        self.0.push(instruction(RETURN, 0, 0, TAKE));
    }

    /// Takes the frame if what was loaded has one of these bits.
    fn take_if_set(&mut self, bits: u32) {
        self.0.push(instruction(JUMP_IF_SET, 0, 1, bits));
        self.0.push(instruction(RETURN, 0, 0, TAKE));
    }

    /// Ignores the frame if every field has its value, and goes on otherwise.
    fn ignore_if_all(&mut self, fields: &[(u16, u32, u32)]) {
        let mut left = fields.len();
        for (code, at, value) in fields {
            self.load(*code, *at);
            left -= 1;
            // Two instructions for each field that follows, and the return behind them.
            let past = u8::try_from(left * 2 + 1).unwrap_or(u8::MAX);
            self.0.push(instruction(JUMP_IF_EQUAL, 0, past, *value));
        }
        self.0.push(instruction(RETURN, 0, 0, IGNORE));
    }
}

const fn instruction(code: u16, jump_true: u8, jump_false: u8, k: u32) -> Instruction {
    Instruction { code, jt: jump_true, jf: jump_false, k }
}
