//! Any text as a room code.

use lanparty_sdk::ctrl::RoomCode;

pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match text.parse::<RoomCode>() {
        Ok(code) => {
            assert!((RoomCode::MIN_LEN..=RoomCode::MAX_LEN).contains(&code.as_str().len()));
            assert!(code.as_str().eq_ignore_ascii_case(text));
            assert_eq!(code.to_string().parse(), Ok(code.clone()));
            assert_eq!(text.to_ascii_lowercase().parse(), Ok(code));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
