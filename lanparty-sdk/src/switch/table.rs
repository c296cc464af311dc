//! Who owns which Ethernet address in a room.

use std::collections::HashMap;
use std::collections::hash_map::Entry as MapEntry;
use std::hash::{BuildHasher, Hasher};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::frame::MacAddr;

/// Bounds of a [`MacTable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct TableConfig {
    /// How many addresses clients may own together. Default: [`TableConfig::DEFAULT_MEMBERS`].
    pub members: u32,
    /// How many addresses of the LAN are remembered; 0 learns none. When they are full, the one that was silent for
    /// longest makes room. Default: [`TableConfig::DEFAULT_LEARNED`].
    pub learned: u32,
    /// Seconds of silence after which an address of the LAN is forgotten. Default:
    /// [`TableConfig::DEFAULT_AGEING_SECS`].
    pub ageing_secs: u32,
}

impl TableConfig {
    /// Far above any room's member limit, which is what should refuse a player.
    pub const DEFAULT_MEMBERS: u32 = 1_024;
    /// A large event's LAN; about 300 KiB when full.
    pub const DEFAULT_LEARNED: u32 = 4_096;
    /// What IEEE 802.1D recommends to bridges.
    pub const DEFAULT_AGEING_SECS: u32 = 300;
}

impl Default for TableConfig {
    fn default() -> Self {
        Self {
            members: Self::DEFAULT_MEMBERS,
            learned: Self::DEFAULT_LEARNED,
            ageing_secs: Self::DEFAULT_AGEING_SECS,
        }
    }
}

/// Who a frame to some address belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner<P> {
    /// Some station of the LAN behind this gateway.
    Lan(P),
    /// This client, whose own address it is.
    Member(P),
}

impl<P: Copy> Owner<P> {
    /// The peer that the frame goes to.
    #[must_use]
    pub const fn peer(self) -> P {
        match self {
            Self::Lan(peer) | Self::Member(peer) => peer,
        }
    }
}

/// Why an address cannot be a client's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimError<P> {
    /// The clients own [`TableConfig::members`] addresses already.
    #[error("the room owns no further addresses")]
    Full,
    /// A group or zero.
    #[error("not the address of a single station")]
    NotUnicast,
    /// Another client owns it.
    #[error("another member owns the address")]
    Owned(P),
}

/// What came of [`MacTable::learn`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Learned<P> {
    /// It is new, and this one was forgotten for it.
    Evicted(MacAddr),
    /// It moved here from another gateway.
    Moved(P),
    /// It is new.
    New,
    /// A client owns it: the LAN may not use it, so the frame is forged or has looped.
    OwnedBy(P),
    /// It was known, and lives on.
    Refreshed,
    /// It is a group or zero, or the table learns nothing.
    Refused,
}

/// The addresses of a room: those that clients own, and those that were learned on the LAN.
///
/// A client's address stays its own until it is released; nothing that is learned can shadow it. Everything takes
/// constant time, also the choice of the address that makes room, which is always the one silent for longest. Memory
/// grows with the number of addresses, up to the configured bounds, and looking up never allocates.
///
/// Hashes are keyed by a seed, so that nobody who chooses addresses can choose collisions; the table's behaviour does
/// not depend on it.
#[derive(Clone, Debug)]
pub struct MacTable<P> {
    map: HashMap<u64, Entry<P>, Keyed>,
    /// Learned addresses, linked from the one silent for longest to the latest.
    slots: Vec<Slot<P>>,
    /// The head of the chain of unused slots.
    free: u32,
    oldest: u32,
    latest: u32,
    learned: u32,
    config: TableConfig,
    /// The latest time seen, so that the chain stays in order when the clock does not.
    clock: Option<Instant>,
}

impl<P: Copy + Eq> MacTable<P> {
    /// An empty table.
    #[must_use]
    pub fn new(config: TableConfig, seed: u64) -> Self {
        Self {
            map: HashMap::with_hasher(Keyed::new(seed)),
            slots: Vec::new(),
            free: NONE,
            oldest: NONE,
            latest: NONE,
            learned: 0,
            config,
            clock: None,
        }
    }

    /// Makes `peer` the owner of `mac`. Claiming one's own address again changes nothing; an address that was learned
    /// on the LAN becomes the client's.
    ///
    /// # Errors
    /// See [`ClaimError`]; the table is unchanged.
    pub fn claim(&mut self, mac: MacAddr, peer: P) -> Result<(), ClaimError<P>> {
        if !mac.is_unicast() {
            return Err(ClaimError::NotUnicast);
        }
        match self.map.get(&key(mac)) {
            Some(Entry::Member(owner)) if *owner == peer => return Ok(()),
            Some(Entry::Member(owner)) => return Err(ClaimError::Owned(*owner)),
            Some(Entry::Learned(_)) | None if self.members() >= self.config.members => {
                return Err(ClaimError::Full);
            }
            Some(Entry::Learned(slot)) => {
                let slot = *slot;
                self.remove_slot(slot);
            }
            None => {}
        }
        self.map.insert(key(mac), Entry::Member(peer));
        Ok(())
    }

    /// Frees `mac` if `peer` owns it, and says whether it did.
    pub fn release(&mut self, mac: MacAddr, peer: P) -> bool {
        let owned = self.is_owned_by(mac, peer);
        if owned {
            self.map.remove(&key(mac));
        }
        owned
    }

    /// Notes that `gateway` sent a frame from `mac`.
    pub fn learn(&mut self, mac: MacAddr, gateway: P, now: Instant) -> Learned<P> {
        if !mac.is_unicast() || self.config.learned == 0 {
            return Learned::Refused;
        }
        let now = self.advance(now);
        match self.map.get(&key(mac)) {
            Some(Entry::Member(owner)) => return Learned::OwnedBy(*owner),
            Some(Entry::Learned(slot)) => {
                let slot = *slot;
                let is_stale = self.is_stale(slot, now);
                let before = std::mem::replace(&mut self.slot_mut(slot).gateway, gateway);
                self.unlink(slot);
                self.link_latest(slot, now);
                return match before == gateway {
                    _ if is_stale => Learned::New,
                    true => Learned::Refreshed,
                    false => Learned::Moved(before),
                };
            }
            None => {}
        }
        let evicted = (self.learned >= self.config.learned).then(|| {
            let oldest = self.oldest;
            (self.remove_slot(oldest), self.is_after_ageing(self.slot(oldest).seen, now))
        });
        let slot = self.take_slot(mac, gateway, now);
        self.link_latest(slot, now);
        self.map.insert(key(mac), Entry::Learned(slot));
        match evicted {
            Some((mac, false)) => Learned::Evicted(mac),
            Some((_, true)) | None => Learned::New,
        }
    }

    /// Forgets all that was learned from `gateway`, which has left.
    pub fn forget_gateway(&mut self, gateway: P) {
        let mut slot = self.oldest;
        while slot != NONE {
            let next = self.slot(slot).next;
            if self.slot(slot).gateway == gateway {
                self.remove_slot(slot);
            }
            slot = next;
        }
    }

    /// Forgets what has been silent for too long, and says how many that were. [`MacTable::lookup`] does not need it:
    /// it only frees memory earlier.
    pub fn expire(&mut self, now: Instant) -> usize {
        let now = self.advance(now);
        let mut count = 0;
        while self.oldest != NONE && self.is_stale(self.oldest, now) {
            self.remove_slot(self.oldest);
            count += 1;
        }
        count
    }

    /// When [`MacTable::expire`] will have something to do.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Instant> {
        (self.oldest != NONE).then(|| self.slot(self.oldest).seen + self.ageing())
    }

    /// Who owns `mac` at `now`.
    #[must_use]
    pub fn lookup(&self, mac: MacAddr, now: Instant) -> Option<Owner<P>> {
        match self.map.get(&key(mac))? {
            Entry::Member(peer) => Some(Owner::Member(*peer)),
            Entry::Learned(slot) => {
                (!self.is_stale(*slot, now)).then(|| Owner::Lan(self.slot(*slot).gateway))
            }
        }
    }

    /// The client that owns `mac`.
    #[must_use]
    pub fn member(&self, mac: MacAddr) -> Option<P> {
        match self.map.get(&key(mac))? {
            Entry::Member(peer) => Some(*peer),
            Entry::Learned(_) => None,
        }
    }

    /// Whether `mac` is `peer`'s own address.
    #[must_use]
    pub fn is_owned_by(&self, mac: MacAddr, peer: P) -> bool {
        self.member(mac) == Some(peer)
    }

    /// How many addresses clients own.
    #[must_use]
    pub fn members(&self) -> u32 {
        u32::try_from(self.map.len()).unwrap_or(u32::MAX) - self.learned
    }

    /// How many addresses of the LAN are remembered, those included that are silent for too long but not yet removed.
    #[must_use]
    pub const fn learned(&self) -> u32 {
        self.learned
    }

    /// The remembered addresses of the LAN with their gateways, the one silent for longest first.
    pub fn iter_learned(&self) -> impl Iterator<Item = (MacAddr, P)> + '_ {
        let first = self.slots.get(index(self.oldest));
        std::iter::successors(first, |slot| self.slots.get(index(slot.next)))
            .map(|slot| (slot.mac, slot.gateway))
    }

    fn advance(&mut self, now: Instant) -> Instant {
        let now = self.clock.map_or(now, |clock| clock.max(now));
        self.clock = Some(now);
        now
    }

    fn ageing(&self) -> Duration {
        Duration::from_secs(u64::from(self.config.ageing_secs))
    }

    fn is_stale(&self, slot: u32, now: Instant) -> bool {
        self.is_after_ageing(self.slot(slot).seen, now)
    }

    fn is_after_ageing(&self, seen: Instant, now: Instant) -> bool {
        now.saturating_duration_since(seen) >= self.ageing()
    }

    /// Slot numbers come from the table itself, never from a frame.
    fn slot(&self, slot: u32) -> &Slot<P> {
        &self.slots[index(slot)]
    }

    fn slot_mut(&mut self, slot: u32) -> &mut Slot<P> {
        &mut self.slots[index(slot)]
    }

    fn take_slot(&mut self, mac: MacAddr, gateway: P, seen: Instant) -> u32 {
        let fresh = Slot { mac, gateway, seen, previous: NONE, next: NONE };
        self.learned += 1;
        if self.free == NONE {
            self.slots.push(fresh);
            // There are never more slots than `learned`, which is below `NONE`.
            return u32::try_from(self.slots.len() - 1).unwrap_or(NONE);
        }
        let slot = self.free;
        self.free = self.slot(slot).next;
        *self.slot_mut(slot) = fresh;
        slot
    }

    /// Takes a slot out of the chain and the map. Its contents stay readable until the next [`Self::take_slot`].
    fn remove_slot(&mut self, slot: u32) -> MacAddr {
        self.unlink(slot);
        let free = self.free;
        self.slot_mut(slot).next = free;
        self.free = slot;
        self.learned -= 1;
        let mac = self.slot(slot).mac;
        if let MapEntry::Occupied(entry) = self.map.entry(key(mac)) {
            entry.remove();
        }
        mac
    }

    fn unlink(&mut self, slot: u32) {
        let Slot { previous, next, .. } = *self.slot(slot);
        match previous {
            NONE => self.oldest = next,
            _ => self.slot_mut(previous).next = next,
        }
        match next {
            NONE => self.latest = previous,
            _ => self.slot_mut(next).previous = previous,
        }
    }

    fn link_latest(&mut self, slot: u32, seen: Instant) {
        let previous = std::mem::replace(&mut self.latest, slot);
        match previous {
            NONE => self.oldest = slot,
            _ => self.slot_mut(previous).next = slot,
        }
        let entry = self.slot_mut(slot);
        (entry.previous, entry.next, entry.seen) = (previous, NONE, seen);
    }
}

#[derive(Clone, Copy, Debug)]
enum Entry<P> {
    Learned(u32),
    Member(P),
}

/// A learned address, as a link of the chain that is ordered by silence.
#[derive(Clone, Copy, Debug)]
struct Slot<P> {
    mac: MacAddr,
    gateway: P,
    seen: Instant,
    previous: u32,
    next: u32,
}

/// A hash for 48-bit keys: a mixing bijection of 64 bits over the key and a secret. Far cheaper than SipHash, which
/// matters because every frame is looked up, and enough here: collisions gain an attacker a slower table of bounded
/// size, and finding them needs the secret.
#[derive(Clone, Debug)]
struct Keyed {
    before: u64,
    between: u64,
}

impl Keyed {
    const fn new(seed: u64) -> Self {
        let before = mix(seed.wrapping_add(0x9e37_79b9_7f4a_7c15), 0);
        Self { before, between: mix(before.wrapping_add(0x9e37_79b9_7f4a_7c15), 0) }
    }
}

impl BuildHasher for Keyed {
    type Hasher = KeyedHasher;

    fn build_hasher(&self) -> KeyedHasher {
        KeyedHasher { state: self.before, between: self.between }
    }
}

struct KeyedHasher {
    state: u64,
    between: u64,
}

impl Hasher for KeyedHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.state = mix(self.state ^ value, self.between);
    }

    fn finish(&self) -> u64 {
        self.state
    }
}

/// The finalizer of SplitMix64, with a key added in its middle.
const fn mix(value: u64, key: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9) ^ key;
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

const fn key(mac: MacAddr) -> u64 {
    let [a, b, c, d, e, f] = mac.octets();
    u64::from_be_bytes([0, 0, a, b, c, d, e, f])
}

/// Slot numbers are 32 bits wide to keep the chain small; `usize` is never narrower on systems that have sockets.
const fn index(slot: u32) -> usize {
    slot as usize
}

/// No slot. Also beyond every index, so that lookups of it find nothing.
const NONE: u32 = u32::MAX;

#[cfg(test)]
mod tests;
