//! The driver's control codes.

/// `CTL_CODE(FILE_DEVICE_UNKNOWN, request, METHOD_BUFFERED, FILE_ANY_ACCESS)`.
const fn code(request: u32) -> u32 {
    const FILE_DEVICE_UNKNOWN: u32 = 0x22;
    FILE_DEVICE_UNKNOWN << 16 | request << 2
}

/// Answers the address that the adapter was started with: six bytes.
pub(super) const GET_MAC: u32 = code(1);
/// Answers the driver's version: major, minor and whether it is a debug build, 32 bits each.
pub(super) const GET_VERSION: u32 = code(2);
/// Answers the largest payload of a frame: 32 bits.
pub(super) const GET_MTU: u32 = code(3);
/// Plugs the cable in (1) or pulls it (0): 32 bits.
pub(super) const SET_MEDIA_STATUS: u32 = code(6);

/// Where the device of an adapter is opened.
pub(super) fn device_path(instance_id: &str) -> String {
    format!(r"\\.\Global\{instance_id}.tap")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_the_drivers() {
        assert_eq!(
            [GET_MAC, GET_VERSION, GET_MTU, SET_MEDIA_STATUS],
            [0x0022_0004, 0x0022_0008, 0x0022_000c, 0x0022_0018]
        );
        assert_eq!(
            device_path("{1A2B3C4D-0000-4000-8000-00000000000A}"),
            r"\\.\Global\{1A2B3C4D-0000-4000-8000-00000000000A}.tap"
        );
    }
}
