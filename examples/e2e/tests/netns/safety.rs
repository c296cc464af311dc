//! Every row of the safety table, in both directions, over real devices.

use lanparty_sdk::frame::MacAddr;
use lanparty_sdk::switch::vectors::{SafetyVector, safety_vectors};
use libtest_mimic::Trial;

use crate::cable::{Cable, Marker};
use crate::party::{Party, TAP, trial};

/// Some station on the LAN.
pub(crate) const STATION: MacAddr = MacAddr([0x02, 0, 0x5e, 0, 0x77, 0x77]);

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("safety::what_a_player_sends", what_a_player_sends),
        trial("safety::what_the_lan_sends", what_the_lan_sends),
    ]
}

fn what_a_player_sends() {
    let party = Party::new();
    let _programs = party.start_lan();
    let _alice = party.start_client(&party.alice, &[]);
    let _bob = party.start_client(&party.bob, &[]);
    let alice = party.alice.mac(TAP);
    // The host must be able to send what the client must not.
    party.alice.ip(&format!("link set {TAP} mtu 9000"));
    let tap = Cable::open(&party.alice, TAP);
    let mut table = Table::new(safety_vectors(alice, STATION, 1500), |vector| vector.from_client.is_ok());
    table.play(&tap, &party.lan_cable(), alice, STATION);
    let bob = party.bob.mac(TAP);
    let mut table = Table::new(safety_vectors(alice, bob, 1500), |vector| vector.from_client.is_ok());
    table.play(&tap, &Cable::open(&party.bob, TAP), alice, bob);
}

fn what_the_lan_sends() {
    let party = Party::new();
    party.switches.ip("link set l-gw mtu 9000");
    party.gw.ip("link set lan0 mtu 9000");
    let _programs = party.start_lan();
    let _alice = party.start_client(&party.alice, &[]);
    party.wait_until_lan_knows(&party.alice);
    let alice = party.alice.mac(TAP);
    let mut table = Table::new(safety_vectors(STATION, alice, 1500), |vector| vector.from_lan.is_ok());
    table.play(&party.lan_cable(), &Cable::open(&party.alice, TAP), STATION, alice);
}

struct Table {
    vectors: Vec<SafetyVector>,
    passes: fn(&SafetyVector) -> bool,
    mistakes: Vec<String>,
}

impl Table {
    fn new(vectors: Vec<SafetyVector>, passes: fn(&SafetyVector) -> bool) -> Self {
        assert!(vectors.len() > 50, "the table has shrunk");
        Self { vectors, passes, mistakes: Vec::new() }
    }

    /// Sends each frame, a marker behind it, and compares what came before the marker with the table.
    fn play(&mut self, here: &Cable, there: &Cable, src: MacAddr, dst: MacAddr) {
        // Whatever the hosts themselves had to say is over.
        here.mark(there, &Marker::new(src, dst, 60));
        let mut crossed = Vec::new();
        let mut counts = [0, 0];
        for vector in &self.vectors {
            if let Err(error) = here.try_send(&vector.frame) {
                assert!(vector.frame.len() < 14, "{}: {error}", vector.name);
                continue; // a kernel does not send less than a header
            }
            let passes = (self.passes)(vector);
            counts[usize::from(passes)] += 1;
            let arrived = here.mark(there, &Marker::new(src, dst, vector.frame.len()));
            let copies = arrived.iter().filter(|frame| is_same(vector, frame)).count();
            if copies != usize::from(passes) {
                self.mistakes.push(format!(
                    "{}: {copies} copies arrived, {} wanted",
                    vector.name,
                    u8::from(passes)
                ));
            }
            crossed.extend(arrived);
        }
        // Nothing came late, either.
        crossed = here.mark(there, &Marker::new(src, dst, 60));
        for vector in &self.vectors {
            if crossed.iter().any(|frame| is_same(vector, frame)) {
                self.mistakes.push(format!("{}: came late", vector.name));
            }
        }
        assert!(self.mistakes.is_empty(), "{:#?}", self.mistakes);
        assert!(counts[0] > 20 && counts[1] > 10, "{counts:?}");
    }
}

/// Whether a frame is that of the vector. The segment size of TCP connections is lowered on the way.
fn is_same(vector: &SafetyVector, frame: &[u8]) -> bool {
    if vector.name.starts_with("tcp_syn") {
        return frame.len() == vector.frame.len() && frame[..50] == vector.frame[..50];
    }
    frame == vector.frame
}
