use clap::CommandFactory as _;

use super::*;

fn words(text: &str) -> Vec<OsString> {
    text.split_whitespace().map(OsString::from).collect()
}

/// A path that is whole on the system that runs the tests.
fn whole(name: &str) -> String {
    std::env::temp_dir().join(name).display().to_string()
}

fn problem(text: &str) -> (Exit, String) {
    let problem = check(&words(text)).expect_err(text);
    (problem.exit(), problem.to_string())
}

#[test]
fn the_command_line_is_well_formed() {
    Command::command().debug_assert();
}

#[test]
fn only_the_word_service_makes_it_a_command_line_of_a_service() {
    assert_eq!(arguments(words("client.exe --relay service").into_iter()), None);
    assert_eq!(arguments(words("client.exe").into_iter()), None);
    assert_eq!(arguments(words("client.exe service").into_iter()), Some(Vec::new()));
    assert_eq!(arguments(words("client.exe service run a").into_iter()), Some(words("run a")));
}

#[test]
fn the_client_s_options_are_kept_as_they_are() {
    let text = "install --service-name party2 --relay relay.example --room=ROOM1 --retry";
    let Ok(Command::Install(Arguments { service, options })) = understand(words(text)) else {
        panic!("{text}")
    };
    assert_eq!(service.service_name.0, "party2");
    assert_eq!(options, words("--relay relay.example --room=ROOM1 --retry"));

    let Ok(Command::Run(Arguments { service, options })) = understand(words("run")) else { panic!("run") };
    assert_eq!((service.service_name.0.as_str(), options.len()), (ServiceName::DEFAULT, 0));
    assert!(understand(words("uninstall --relay relay.example")).is_err());
    assert!(understand(words("install --service-name a/b")).is_err());
    assert!(understand(Vec::new()).is_err());
}

#[test]
fn two_services_have_two_of_every_file() {
    let name = |text: &str| text.parse::<ServiceName>().expect("a good name");
    assert_eq!(name(ServiceName::DEFAULT).file(".log"), "client.log");
    assert_eq!(name("party2").file(".log"), "client-party2.log");
    for bad in ["", "..", "a b", "a\\b", &"a".repeat(81)] {
        assert!(bad.parse::<ServiceName>().is_err(), "{bad:?}");
    }
}

#[test]
fn options_are_checked_before_they_are_kept() {
    assert!(check(&words("--relay relay.example --room ROOM1")).is_ok());
    let (exit, said) = problem("--relay relay.example");
    assert_eq!(exit, Exit::Usage);
    assert!(said.contains("required arguments were not provided"), "{said}");
    assert!(!said.contains("error: "), "{said}");
    let (exit, said) = problem(&format!("--config {}", whole("there-is-no-such.toml")));
    assert_eq!(exit, Exit::Config);
    assert!(said.contains("there-is-no-such.toml"), "{said}");
    assert_eq!(problem("--help").0, Exit::Ok);
}

#[test]
fn files_need_their_whole_path() {
    let base = "--relay relay.example --room ROOM1";
    for option in ["identity", "relay-ca-cert", "up-script"] {
        let (exit, said) = problem(&format!("{base} --{option} here.txt"));
        assert_eq!(exit, Exit::Usage);
        assert!(said.starts_with(&format!("--{option} here.txt is no whole path")), "{said}");
        assert!(check(&words(&format!("{base} --{option} {}", whole("here.txt")))).is_ok());
    }
    // Also those that the configuration file names.
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("client.toml");
    std::fs::write(&path, "identity = \"mine.json\"\n").expect("a file");
    let (_, said) = problem(&format!("{base} --config {}", path.display()));
    assert!(said.starts_with("--identity mine.json is no whole path"), "{said}");
}

#[test]
fn a_service_has_an_identity_of_its_own() {
    let name: ServiceName = "party2".parse().expect("a good name");
    let options = check(&words("--relay relay.example --room ROOM1")).expect("good options");
    let state = Path::new("state");
    let options = for_service(options, &name, state);
    assert_eq!(options.adapter.identity.as_deref(), Some(&*state.join("client-party2-identity.json")));

    let given = whole("mine.json");
    let options = check(&words(&format!("--relay relay.example --room ROOM1 --identity {given}")));
    let options = for_service(options.expect("good options"), &name, state);
    assert_eq!(options.adapter.identity, Some(given.into()));
}

#[test]
fn only_what_administrators_keep_runs_with_all_rights() {
    let within = |path: &str, folder: &str| is_within(Path::new(path), Path::new(folder));
    assert!(within("/Program Files/lanparty/client.exe", "/program files"));
    assert!(!within("/Users/ann/Downloads/client.exe", "/Program Files"));
    assert!(!within("/Program Files Too/client.exe", "/Program Files"));
    assert!(!within("/Program Files/../Users/ann/client.exe", "/Program Files"));
    assert!(!within("/anywhere", ""));
    assert!(has_percent(OsStr::new("C:\\100%\\a")) && !has_percent(OsStr::new("--room")));
}
