use clap::{ArgAction, value_parser};
use lanparty_sdk::ctrl::RoomCode;

use super::*;
use crate::{ByteSize, LogFormat};

fn command() -> Command {
    let flag = Arg::new("retry").long("retry").action(ArgAction::Set).value_parser(value_parser!(bool));
    Command::new("test")
        .arg(Arg::new("room").long("room").required(true).value_parser(value_parser!(RoomCode)))
        .arg(Arg::new("clients").long("clients").value_parser(value_parser!(u16).range(1..)))
        .arg(Arg::new("queue_bytes").long("queue-bytes").value_parser(value_parser!(ByteSize)))
        .arg(Arg::new("log_format").long("log-format").value_parser(value_parser!(LogFormat)))
        .arg(Arg::new("config").long("config"))
        .arg(Arg::new("cert").long("cert").requires("room"))
        .arg(flag.num_args(0..=1).require_equals(true).default_missing_value("true"))
}

fn read(text: &str) -> Result<Vec<String>, (usize, String)> {
    let arguments = parse(text, &command(), |_| false)?;
    Ok(arguments.into_iter().map(|argument| argument.into_string().unwrap()).collect())
}

#[test]
fn keys_become_arguments_in_the_order_of_the_file() {
    let text =
        "# a relay\nroom = \"room1\"\nretry = false\nclients = 1_0\nqueue-bytes = 4096\ncert = \"--x y\"\n";
    assert_eq!(
        read(text).unwrap(),
        ["--room=room1", "--retry=false", "--clients=10", "--queue-bytes=4096", "--cert=--x y"]
    );
    assert_eq!(read("queue-bytes = \"4Ki\"").unwrap(), ["--queue-bytes=4Ki"]);
}

#[test]
fn the_command_line_counts_more() {
    let arguments = parse("room = \"ROOM1\"\nclients = 4\n", &command(), |id| id == "clients").unwrap();
    assert_eq!(arguments, ["--room=ROOM1"]);
}

#[test]
fn what_is_wrong_is_told_with_key_and_line() {
    for (text, line, problem) in [
        ("\n\nrom = \"ROOM1\"", 3, "unknown key `rom`: did you mean `room`?"),
        ("zzzzzz = 1", 1, "unknown key `zzzzzz`: --help lists the known ones"),
        (
            "room = \"ROOM1\"\nclients = \"4\"",
            2,
            "wrong value for `clients`: write a whole number, without quotes",
        ),
        ("clients = 0", 1, "wrong value for `clients`: 0 is not in 1..=65535"),
        ("clients = -1", 1, "wrong value for `clients`: -1 is not in 1..=65535"),
        ("room = 7", 1, "wrong value for `room`: write a text in quotes"),
        ("room = [\"ROOM1\"]", 1, "wrong value for `room`: write a text in quotes"),
        ("retry = \"true\"", 1, "wrong value for `retry`: write true or false, without quotes"),
        ("queue-bytes = \"4x\"", 1, "wrong value for `queue-bytes`: not a size"),
        ("log-format = \"xml\"", 1, "wrong value for `log-format`: write one of text, json"),
        ("config = \"other.toml\"", 1, "`config` belongs on the command line, not into a file"),
        ("[room]\ncode = 1", 1, "wrong value for `room`: write a text in quotes"),
        ("room = \"R1\"", 1, "wrong value for `room`: a room code has 3 to 64 characters"),
        ("room = \"ROOM1\"\nroom = \"ROOM2\"", 2, "duplicate key"),
        ("room = \"ROOM1", 1, "invalid basic string"),
    ] {
        let (at, said) = read(text).unwrap_err();
        assert!(said.contains(problem), "{text:?}: {said}");
        assert_eq!(at, line, "{text:?}: {said}");
        assert!(!said.contains('\n'), "{said:?}");
    }
}
