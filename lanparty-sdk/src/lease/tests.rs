//! Kills at every step, on a computer in memory.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::*;

/// After so many operations, of journal and host together, every further one fails: the process is dead.
#[derive(Clone, Debug)]
pub(super) struct Fuse(Arc<AtomicI64>);

impl Default for Fuse {
    fn default() -> Self {
        Self::after(i64::MAX)
    }
}

impl Fuse {
    fn after(operations: i64) -> Self {
        Self(Arc::new(AtomicI64::new(operations)))
    }

    pub(super) fn burn(&self) -> io::Result<()> {
        let left = self.0.fetch_sub(1, Ordering::Relaxed);
        if left > 0 { Ok(()) } else { Err(io::Error::other("killed")) }
    }

    /// Whether the next operation is the one during which it happens.
    pub(super) fn burns_now(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }

    fn is_burnt(&self) -> bool {
        self.0.load(Ordering::Relaxed) < 0
    }
}

type State = BTreeMap<Setting, Value>;

/// A computer's settings. Clones are the same computer.
#[derive(Clone, Debug, Default)]
struct Memory {
    state: Arc<Mutex<State>>,
    fuse: Fuse,
    /// What the system does not allow to be written.
    refused: Option<Setting>,
    /// What has gone together with its interface.
    gone: Option<Setting>,
}

impl Memory {
    fn with(state: State) -> Self {
        Self { state: Arc::new(Mutex::new(state)), ..Self::default() }
    }

    fn state(&self) -> State {
        self.state.lock().unwrap().clone()
    }

    fn set(&self, setting: &Setting, value: Option<Value>) {
        let mut state = self.state.lock().unwrap();
        match value {
            Some(value) => state.insert(setting.clone(), value),
            None => state.remove(setting),
        };
    }

    fn check(&self, setting: &Setting) -> io::Result<()> {
        self.fuse.burn()?;
        if self.gone.as_ref() == Some(setting) { Err(io::ErrorKind::NotFound.into()) } else { Ok(()) }
    }
}

impl Host for Memory {
    fn read(&mut self, setting: &Setting) -> io::Result<Option<Value>> {
        self.check(setting)?;
        Ok(self.state.lock().unwrap().get(setting).cloned())
    }

    fn write(&mut self, setting: &Setting, value: Option<&Value>) -> io::Result<()> {
        self.check(setting)?;
        if self.refused.as_ref() == Some(setting) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        self.set(setting, value.cloned());
        Ok(())
    }
}

fn lease_until(memory: &Memory, folder: &Path, fuse: &Fuse) -> io::Result<Lease<Memory>> {
    let mut folder = Folder::open(folder)?;
    folder.fuse = fuse.clone();
    Lease::begin(Memory { fuse: fuse.clone(), ..memory.clone() }, &folder)
}

fn lease(memory: &Memory, folder: &Path) -> Lease<Memory> {
    Lease::open_in(memory.clone(), folder).unwrap()
}

fn metric(luid: u64) -> Setting {
    Setting::Metric { luid, family: Family::V4 }
}

fn number(number: u32) -> Option<Value> {
    Some(Value::Number(number))
}

fn route() -> Setting {
    let destination = "203.0.113.7".parse().unwrap();
    Setting::Route { destination, prefix_len: 32, gateway: "192.168.1.1".parse().ok(), luid: 7 }
}

fn before() -> State {
    let mtu = Setting::Mtu { luid: 7, family: Family::V4 };
    let mac = Setting::AdapterMac { class_key: "0007".into() };
    let flag = Setting::DefaultRoutesIgnored { luid: 7, family: Family::V6 };
    BTreeMap::from([
        (mtu, Value::Number(1500)),
        (mac, Value::Text("020000000001".into())),
        (flag, Value::Flag(false)),
    ])
}

/// Everything that a client does, in its order.
fn run(lease: &mut Lease<Memory>) -> io::Result<()> {
    lease
        .change(Setting::AdapterMac { class_key: "0007".into() }, Some(Value::Text("0233445566AA".into())))?;
    lease.change(metric(7), number(120))?;
    lease.change(Setting::Mtu { luid: 7, family: Family::V4 }, number(1400))?;
    lease.change(route(), number(0))?;
    lease.change(Setting::Mtu { luid: 7, family: Family::V4 }, number(1300))?;
    lease.change(Setting::DefaultRoutesIgnored { luid: 7, family: Family::V6 }, Some(Value::Flag(true)))?;
    lease.undo(&route())?;
    lease.change(metric(7), number(120))?;
    lease.change(route(), number(5)).map(drop)
}

fn journals(folder: &Path) -> usize {
    Folder::open(folder).unwrap().list().unwrap().len()
}

fn one_journal(folder: &Path) -> std::path::PathBuf {
    let folder = Folder::open(folder).unwrap();
    let [number] = folder.list().unwrap()[..] else { panic!("one journal expected") };
    folder.path_of(number)
}

#[test]
fn what_is_changed_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let memory = Memory::with(before());
    let mut lease = lease(&memory, folder.path());
    run(&mut lease).unwrap();
    assert_eq!(memory.state().get(&route()), Some(&Value::Number(5)));
    assert_eq!(memory.state().len(), 5);
    assert!(lease.holds(&metric(7)));
    assert_eq!(lease.read(&metric(7)).unwrap(), number(120));
    assert_eq!(lease.held.len(), 5);
    drop(lease);
    assert_eq!(memory.state(), before());
    assert_eq!(journals(folder.path()), 0);
}

#[test]
fn a_kill_at_any_step_is_made_good_by_the_next_start() {
    for at in 0.. {
        let folder = tempfile::tempdir().unwrap();
        let memory = Memory::with(before());
        let fuse = Fuse::after(at);
        if let Ok(mut lease) = lease_until(&memory, folder.path(), &fuse) {
            let _ = run(&mut lease);
        }
        drop(lease(&memory, folder.path()));
        assert_eq!(memory.state(), before(), "killed at {at}");
        assert_eq!(journals(folder.path()), 0, "killed at {at}");
        if !fuse.is_burnt() {
            assert!(at > 40, "{at} steps");
            return;
        }
    }
}

#[test]
fn a_recovery_killed_at_any_step_is_made_good_by_the_one_after() {
    for at in 0.. {
        let mut all_done = true;
        for again in 0.. {
            let folder = tempfile::tempdir().unwrap();
            let memory = Memory::with(before());
            let first = Fuse::after(at);
            if let Ok(mut lease) = lease_until(&memory, folder.path(), &first) {
                let _ = run(&mut lease);
            }
            all_done = !first.is_burnt();
            let second = Fuse::after(again);
            drop(lease_until(&memory, folder.path(), &second));
            drop(lease(&memory, folder.path()));
            assert_eq!(memory.state(), before(), "killed at {at} and {again}");
            assert_eq!(journals(folder.path()), 0);
            if !second.is_burnt() {
                break;
            }
        }
        if all_done {
            return;
        }
    }
}

#[test]
fn what_others_have_changed_meanwhile_stays() {
    for killed in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let memory = Memory::with(before());
        let fuse = Fuse::after(1000);
        let mut held = lease_until(&memory, folder.path(), &fuse).unwrap();
        run(&mut held).unwrap();
        let mtu = Setting::Mtu { luid: 7, family: Family::V4 };
        memory.set(&mtu, number(1280));
        memory.set(&route(), None);
        if killed {
            fuse.0.store(0, Ordering::Relaxed);
        }
        drop(held);
        drop(lease(&memory, folder.path()));
        let mut expected = before();
        expected.insert(mtu, Value::Number(1280));
        assert_eq!(memory.state(), expected, "{killed}");
    }
}

#[test]
fn what_the_system_forgets_is_set_again_and_the_first_value_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let memory = Memory::with(State::from([(metric(1), Value::Number(25))]));
    let mut lease = lease(&memory, folder.path());
    assert!(lease.change(metric(1), number(120)).unwrap());
    assert!(!lease.change(metric(1), number(120)).unwrap());
    memory.set(&metric(1), None);
    assert!(lease.change(metric(1), number(120)).unwrap());
    assert_eq!(lease.held.len(), 1);
    drop(lease);
    assert_eq!(memory.state(), State::from([(metric(1), Value::Number(25))]));
}

#[test]
fn two_leases_do_not_disturb_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    let mut first = lease(&memory, folder.path());
    first.change(metric(1), number(120)).unwrap();
    let mut second = lease(&memory, folder.path());
    second.change(metric(2), number(120)).unwrap();
    assert_eq!(memory.state().len(), 2, "a living owner's changes are not undone");
    drop(first);
    assert_eq!(memory.state(), State::from([(metric(2), Value::Number(120))]));
    drop(second);
    assert_eq!(memory.state(), State::new());
}

#[test]
fn of_two_killed_runs_the_later_is_undone_first() {
    let folder = tempfile::tempdir().unwrap();
    let memory = Memory::with(State::from([(metric(1), Value::Number(1))]));
    let fuses = [Fuse::after(1000), Fuse::after(1000)];
    let mut first = lease_until(&memory, folder.path(), &fuses[0]).unwrap();
    let mut second = lease_until(&memory, folder.path(), &fuses[1]).unwrap();
    first.change(metric(1), number(2)).unwrap();
    second.change(metric(1), number(3)).unwrap();
    for fuse in fuses {
        fuse.0.store(0, Ordering::Relaxed);
    }
    drop((first, second));
    drop(lease(&memory, folder.path()));
    assert_eq!(memory.state(), State::from([(metric(1), Value::Number(1))]));
}

#[test]
fn a_refused_change_is_not_held() {
    let folder = tempfile::tempdir().unwrap();
    let memory = Memory { refused: Some(metric(1)), ..Memory::default() };
    let mut lease = lease(&memory, folder.path());
    let error = lease.change(metric(1), number(120)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    assert!(!lease.holds(&metric(1)));
    let text = fs::read_to_string(one_journal(folder.path())).unwrap();
    assert!(text.ends_with("{\"undone\":{\"setting\":\"metric\",\"luid\":1,\"family\":\"v4\"}}\n"), "{text}");
}

#[test]
fn what_cannot_be_put_back_is_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let mac = Setting::AdapterMac { class_key: "0007".into() };
    let odd = State::from([(mac.clone(), Value::Text("whatever it is".into()))]);
    let memory = Memory::with(odd.clone());
    let mut lease = lease(&memory, folder.path());
    lease.change(mac, Some(Value::Text("0233445566AA".into()))).unwrap_err();
    assert_eq!(memory.state(), odd);
}

#[test]
fn what_fails_to_come_back_is_tried_again_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    let mut held = lease(&memory, folder.path());
    for luid in 1..=3 {
        held.change(metric(luid), number(120)).unwrap();
    }
    held.host.refused = Some(metric(2));
    drop(held);
    assert_eq!(memory.state(), State::from([(metric(2), Value::Number(120))]));
    // A user's change of later that happens to be the same is none of a dead run's business.
    memory.set(&metric(3), number(120));
    let refusing = Memory { refused: Some(metric(2)), ..memory.clone() };
    drop(lease(&refusing, folder.path()));
    assert_eq!(journals(folder.path()), 1);
    drop(lease(&memory, folder.path()));
    assert_eq!(memory.state(), State::from([(metric(3), Value::Number(120))]));
    assert_eq!(journals(folder.path()), 0);
}

#[test]
fn what_a_recovery_has_undone_is_not_undone_again() {
    let folder = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    let fuse = Fuse::after(1000);
    let mut held = lease_until(&memory, folder.path(), &fuse).unwrap();
    held.change(metric(1), number(120)).unwrap();
    held.change(metric(2), number(120)).unwrap();
    fuse.0.store(0, Ordering::Relaxed);
    drop(held);
    let refusing = Memory { refused: Some(metric(2)), ..memory.clone() };
    drop(lease(&refusing, folder.path()));
    assert_eq!(memory.state(), State::from([(metric(2), Value::Number(120))]));
    memory.set(&metric(1), number(120));
    drop(lease(&memory, folder.path()));
    assert_eq!(memory.state(), State::from([(metric(1), Value::Number(120))]));
}

#[test]
fn what_has_gone_with_its_interface_needs_no_undoing() {
    let folder = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    let mut held = lease(&memory, folder.path());
    held.change(metric(1), number(120)).unwrap();
    held.change(metric(2), number(120)).unwrap();
    held.host.gone = Some(metric(2));
    drop(held);
    assert_eq!(memory.state(), State::from([(metric(2), Value::Number(120))]));
    assert_eq!(journals(folder.path()), 0);
}

#[test]
fn a_full_journal_is_continued_in_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let memory = Memory::with(before());
    let fuse = Fuse::after(i64::MAX);
    let mut held = lease_until(&memory, folder.path(), &fuse).unwrap();
    run(&mut held).unwrap();
    let first = one_journal(folder.path());
    for turn in 0..4000 {
        held.change(metric(1), number(turn % 2)).unwrap();
    }
    let later = one_journal(folder.path());
    assert_ne!(later, first);
    assert!(fs::metadata(&later).unwrap().len() < journal::MAX_LEN);
    fuse.0.store(0, Ordering::Relaxed);
    drop(held);
    drop(lease(&memory, folder.path()));
    assert_eq!(memory.state(), before());
}

/// Leaves the journal of a killed run in `folder`, and what it has done in the memory.
fn killed(folder: &Path) -> Memory {
    let memory = Memory::default();
    let fuse = Fuse::after(1000);
    let mut held = lease_until(&memory, folder, &fuse).unwrap();
    held.change(metric(1), number(120)).unwrap();
    fuse.0.store(0, Ordering::Relaxed);
    drop(held);
    assert_eq!(memory.state().len(), 1);
    memory
}

#[test]
fn a_torn_line_was_never_begun() {
    let folder = tempfile::tempdir().unwrap();
    killed(folder.path());
    let path = one_journal(folder.path());
    let whole = fs::read(&path).unwrap();
    for end in 0..=whole.len() {
        let folder = tempfile::tempdir().unwrap();
        let memory = killed(folder.path());
        fs::write(one_journal(folder.path()), &whole[..end]).unwrap();
        drop(lease(&memory, folder.path()));
        // Torn, it says nothing; whole, it is done.
        assert_eq!(memory.state().is_empty(), end == whole.len(), "{end}");
        assert_eq!(journals(folder.path()), 0, "{end}");
    }
}

/// On Windows nobody else may write a locked file.
#[cfg(unix)]
#[test]
fn what_a_failed_write_leaves_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    let fuse = Fuse::after(1000);
    let mut held = lease_until(&memory, folder.path(), &fuse).unwrap();
    held.change(metric(1), number(120)).unwrap();
    let path = one_journal(folder.path());
    let torn = format!("{}{}", fs::read_to_string(&path).unwrap(), "{\"change\":".repeat(100) + "\n");
    fs::write(&path, torn).unwrap();
    held.change(metric(2), number(120)).unwrap();
    fuse.0.store(0, Ordering::Relaxed);
    drop(held);
    drop(lease(&memory, folder.path()));
    assert_eq!(memory.state(), State::new());
}

#[test]
fn a_journal_that_cannot_be_believed_is_left() {
    let line = |change: &str, before: &str, after: &str| {
        format!("{{\"change\":{change},\"before\":{before},\"after\":{after}}}\n")
    };
    let metric = r#"{"setting":"metric","luid":1,"family":"v4"}"#;
    let route = |destination: &str, prefix_len: u8| {
        let setting = format!(
            r#"{{"setting":"route","destination":"{destination}","prefix_len":{prefix_len},"gateway":null,"luid":1}}"#
        );
        line(&setting, "0", "null")
    };
    let key =
        |key: &str| line(&format!(r#"{{"setting":"adapter_mac","class_key":"{key}"}}"#), "\"02\"", "null");
    let header = "{\"journal\":\"lanparty lease\",\"version\":1}\n";
    let whole = line(metric, "null", "120");
    for (text, is_believed) in [
        (format!("{header}{whole}"), true),
        (header.to_owned(), true),
        (String::new(), true),
        (whole.clone(), false),
        (format!("{}{whole}", header.replace('1', "2")), false),
        (header.replace('1', "2"), false),
        ("rubbish".to_owned(), false),
        (format!("{header}rubbish\n{whole}"), false),
        (format!("{header}{}", line(metric, "\"text\"", "120")), false),
        (format!("{header}{}", line(metric, "null", "-1")), false),
        (format!("{header}{}", whole.replace("\"before\":null,", "")), false),
        (format!("{header}{}", whole.replace("\"before\"", "\"more\":1,\"before\"")), false),
        (format!("{header}{}", whole.replace("metric", "firewall")), false),
        (format!("{header}{}", whole.replace("\"luid\":1", "\"luid\":0")), false),
        (format!("{header}{}", key("0007")), true),
        (format!("{header}{}", key("0007\\\\..")), false),
        (format!("{header}{}", key("00071")), false),
        (format!("{header}{}", route("203.0.113.7", 32)), true),
        (format!("{header}{}", route("255.255.255.255", 32)), true),
        (format!("{header}{}", route("224.0.0.0", 4)), true),
        (format!("{header}{}", route("ff00::", 8)), true),
        (format!("{header}{}", route("203.0.113.0", 24)), false),
        (format!("{header}{}", route("0.0.0.0", 0)), false),
        (format!("{header}{}", route("127.0.0.1", 32)), false),
        (format!("{header}{}", whole.repeat(4000)), false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        killed(folder.path());
        let path = one_journal(folder.path());
        fs::write(&path, &text).unwrap();
        drop(lease(&Memory::default(), folder.path()));
        assert_eq!(journals(folder.path()) == 0, is_believed, "{text}");
        assert!(is_believed || fs::read_to_string(&path).unwrap() == text, "{text}");
    }
}

#[cfg(unix)]
#[test]
fn a_journal_that_others_may_write_is_left() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let memory = killed(folder.path());
    fs::set_permissions(one_journal(folder.path()), fs::Permissions::from_mode(0o666)).unwrap();
    drop(lease(&memory, folder.path()));
    assert_eq!(memory.state().len(), 1);
    assert_eq!(journals(folder.path()), 1);

    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let error = Lease::open_in(memory, folder.path()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
}

/// What happens to one of three settings.
#[derive(Clone, Debug)]
enum Step {
    Change(u64, Option<u32>),
    Undo(u64),
    /// Somebody else does it: with numbers that are never ours.
    Foreign(u64, u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let luid = 1..4u64;
    let step = prop_oneof![
        4 => (luid.clone(), proptest::option::of(100..104u32)).prop_map(|(luid, to)| Step::Change(luid, to)),
        1 => luid.clone().prop_map(Step::Undo),
        1 => (luid, 1000..1003u32).prop_map(|(luid, to)| Step::Foreign(luid, to)),
    ];
    proptest::collection::vec(step, 0..24)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is done, and whenever it is killed: in the end each setting is what it would be without us.
    #[test]
    fn nothing_is_left_and_nothing_of_others_is_touched(
        steps in steps(),
        begin in proptest::collection::vec(proptest::option::of(100..104u32), 3),
        kill in 0..120i64,
        kill_again in 0..30i64,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let memory = Memory::default();
        for (luid, value) in (1..).zip(&begin) {
            memory.set(&metric(luid), value.map(Value::Number));
        }
        let mut expected = memory.state();
        let fuse = Fuse::after(kill);
        if let Ok(mut lease) = lease_until(&memory, folder.path(), &fuse) {
            for step in steps {
                match step {
                    Step::Change(luid, value) => {
                        let _ = lease.change(metric(luid), value.map(Value::Number));
                    }
                    Step::Undo(luid) => {
                        let _ = lease.undo(&metric(luid));
                    }
                    Step::Foreign(luid, value) => {
                        memory.set(&metric(luid), number(value));
                        if !lease.holds(&metric(luid)) {
                            expected.insert(metric(luid), Value::Number(value));
                        }
                    }
                }
                if fuse.is_burnt() {
                    break;
                }
                for luid in 1..4 {
                    if !lease.holds(&metric(luid)) {
                        match memory.state().remove(&metric(luid)) {
                            Some(value) => expected.insert(metric(luid), value),
                            None => expected.remove(&metric(luid)),
                        };
                    }
                }
            }
        }
        for (setting, value) in memory.state() {
            if matches!(value, Value::Number(1000..)) {
                expected.insert(setting, value);
            }
        }
        drop(lease_until(&memory, folder.path(), &Fuse::after(kill_again)));
        drop(lease(&memory, folder.path()));
        prop_assert_eq!(memory.state(), expected);
        prop_assert_eq!(journals(folder.path()), 0);
    }
}
