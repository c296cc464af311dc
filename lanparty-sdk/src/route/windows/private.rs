//! Files that are their owner's alone.
#![allow(unsafe_code, reason = "accounts and access lists are C structures")]

use std::fs::File;
use std::io;
use std::os::windows::ffi::OsStrExt as _;
use std::os::windows::io::FromRawHandle as _;
use std::path::Path;

use windows::Win32::Foundation::{CloseHandle, GENERIC_WRITE, HANDLE, HLOCAL, LocalFree};
use windows::Win32::Security::Authorization::{
    ConvertSidToStringSidW, ConvertStringSecurityDescriptorToSecurityDescriptorW, SDDL_REVISION_1,
};
use windows::Win32::Security::{
    GetTokenInformation, PSECURITY_DESCRIPTOR, SECURITY_ATTRIBUTES, TOKEN_QUERY, TOKEN_USER, TokenUser,
};
use windows::Win32::Storage::FileSystem::{
    CREATE_NEW, CreateFileW, FILE_ATTRIBUTE_NORMAL, FILE_SHARE_DELETE, FILE_SHARE_READ, FILE_SHARE_WRITE,
};
use windows::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};
use windows::core::{HSTRING, PCWSTR, PWSTR};

use super::access::Descriptor;
use super::system_error;

/// For a user, and behind it the id of variable length that it points to: 68 bytes at most.
type UserPlace = [u64; 16];

#[expect(clippy::cast_possible_truncation, reason = "it is a small structure")]
const ATTRIBUTES_LEN: u32 = size_of::<SECURITY_ATTRIBUTES>() as u32;
#[expect(clippy::cast_possible_truncation, reason = "it is 128")]
const USER_LEN: u32 = size_of::<UserPlace>() as u32;

/// Makes a file that must not be there yet, for this account, the system and administrators, whatever its folder allows
/// others. They could read it anyway.
///
/// It is named after the account and not after its owner, which for an administrator's files are all administrators:
/// the same account without elevation shall read it, too.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    let text = HSTRING::from(format!("D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;{})", account()?));
    let mut descriptor = PSECURITY_DESCRIPTOR::default();
    // SAFETY: a text with its zero, and a place for the answer.
    unsafe {
        ConvertStringSecurityDescriptorToSecurityDescriptorW(
            &text,
            SDDL_REVISION_1,
            &raw mut descriptor,
            None,
        )
    }
    .map_err(system_error)?;
    let descriptor = Descriptor(descriptor);
    let attributes = SECURITY_ATTRIBUTES {
        nLength: ATTRIBUTES_LEN,
        lpSecurityDescriptor: descriptor.0.0,
        bInheritHandle: false.into(),
    };
    let path: Vec<u16> = path.as_os_str().encode_wide().chain([0]).collect();
    // SAFETY: the path ends with a zero, and the attributes and their descriptor live until the call returns.
    let handle = unsafe {
        CreateFileW(
            PCWSTR(path.as_ptr()),
            GENERIC_WRITE.0,
            FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
            Some(&raw const attributes),
            CREATE_NEW,
            FILE_ATTRIBUTE_NORMAL,
            None,
        )
    }
    .map_err(system_error)?;
    // SAFETY: the handle is open, and nobody else's.
    Ok(unsafe { File::from_raw_handle(handle.0) })
}

/// The id of the account that this process runs as, as in S-1-5-18.
fn account() -> io::Result<String> {
    let mut token = HANDLE::default();
    // SAFETY: the handle of this process needs no closing, and the token's is closed below.
    unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &raw mut token) }.map_err(system_error)?;
    let mut user = UserPlace::default();
    let mut len = 0;
    // SAFETY: the place is as large as it says, and aligned for the structure; the token is open until it is closed.
    let told = unsafe {
        let told =
            GetTokenInformation(token, TokenUser, Some(user.as_mut_ptr().cast()), USER_LEN, &raw mut len);
        let _ = CloseHandle(token);
        told
    };
    told.map_err(system_error)?;
    let mut text = PWSTR::null();
    // SAFETY: the call has filled the structure, and the id lies in the same place, which outlives both calls. The text
    // is ours, ends with a zero, and is read before it is freed with the function that belongs to it.
    unsafe {
        let user = user.as_ptr().cast::<TOKEN_USER>().read();
        ConvertSidToStringSidW(user.User.Sid, &raw mut text).map_err(system_error)?;
        let id = String::from_utf16_lossy(text.as_wide());
        LocalFree(Some(HLOCAL(text.0.cast())));
        Ok(id)
    }
}

#[cfg(test)]
mod tests {
    use std::os::windows::io::AsRawHandle as _;

    use windows::Win32::Security::Authorization::{
        ConvertSecurityDescriptorToStringSecurityDescriptorW, GetSecurityInfo, SE_FILE_OBJECT,
    };
    use windows::Win32::Security::DACL_SECURITY_INFORMATION;

    use super::*;

    /// The file's access list, as the system writes it.
    fn access_list(file: &File) -> String {
        let mut descriptor = PSECURITY_DESCRIPTOR::default();
        let mut text = PWSTR::null();
        // SAFETY: the handle is open; the places are there until the calls return, and the text is ours until it is freed.
        unsafe {
            let told = GetSecurityInfo(
                HANDLE(file.as_raw_handle()),
                SE_FILE_OBJECT,
                DACL_SECURITY_INFORMATION,
                None,
                None,
                None,
                None,
                Some(&raw mut descriptor),
            );
            assert!(told.is_ok(), "{told:?}");
            let descriptor = Descriptor(descriptor);
            let kind = DACL_SECURITY_INFORMATION;
            ConvertSecurityDescriptorToStringSecurityDescriptorW(
                descriptor.0,
                SDDL_REVISION_1,
                kind,
                &raw mut text,
                None,
            )
            .unwrap();
            let list = String::from_utf16_lossy(text.as_wide());
            LocalFree(Some(HLOCAL(text.0.cast())));
            list
        }
    }

    #[test]
    fn others_may_not_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("identity.json");
        drop(create(&path).unwrap());
        let list = access_list(&File::open(&path).unwrap());
        // Everyone, users, and whoever has logged on.
        for others in [";WD)", ";BU)", ";AU)", ";IU)"] {
            assert!(!list.contains(others), "{list}");
        }
        assert!(
            list.contains(&account().unwrap()) || list.contains(";BA)") || list.contains(";SY)"),
            "{list}"
        );
        assert!(create(&path).is_err_and(|error| error.kind() == io::ErrorKind::AlreadyExists));
    }
}
