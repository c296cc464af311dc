//! Where journals are, and who may write them: the system and administrators.
#![allow(unsafe_code, reason = "owners and access lists are C structures")]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::windows::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::os::windows::io::AsRawHandle as _;
use std::path::{Path, PathBuf};

use windows::Win32::Foundation::{
    CloseHandle, ERROR_ALREADY_EXISTS, ERROR_INVALID_OWNER, HANDLE, HLOCAL, LocalFree,
};
use windows::Win32::Security::Authorization::{
    ConvertStringSecurityDescriptorToSecurityDescriptorW, GetSecurityInfo, SDDL_REVISION_1, SE_FILE_OBJECT,
};
use windows::Win32::Security::{
    DACL_SECURITY_INFORMATION, EqualSid, GetTokenInformation, IsWellKnownSid, OWNER_SECURITY_INFORMATION,
    PROTECTED_DACL_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, PSID, SECURITY_ATTRIBUTES,
    SetKernelObjectSecurity, TOKEN_QUERY, TOKEN_USER, TokenUser, WinBuiltinAdministratorsSid,
    WinLocalSystemSid,
};
use windows::Win32::Storage::FileSystem::{
    CreateDirectoryW, FILE_ATTRIBUTE_REPARSE_POINT, FILE_FLAG_BACKUP_SEMANTICS, FILE_FLAG_OPEN_REPARSE_POINT,
    FILE_READ_ATTRIBUTES, READ_CONTROL, WRITE_DAC,
};
use windows::Win32::System::Com::CoTaskMemFree;
use windows::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};
use windows::Win32::UI::Shell::{FOLDERID_ProgramData, KF_FLAG_DEFAULT, SHGetKnownFolderPath};
use windows::core::{PCWSTR, w};

use super::{outcome, size, system_error};

/// Owned by the administrators, who alone may do anything there beside the system; inherited by what is made inside.
const FOLDER_ACCESS: PCWSTR = w!("O:BAD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)");

/// `%ProgramData%\lanparty\leases`, as the system names it and not the environment.
pub(crate) fn journals() -> io::Result<PathBuf> {
    // SAFETY: the call takes an id by reference, and returns a text of its own.
    let text = unsafe { SHGetKnownFolderPath(&FOLDERID_ProgramData, KF_FLAG_DEFAULT, None) };
    let text = text.map_err(system_error)?;
    // SAFETY: the text ends with a zero and is read before it is freed, with the function that belongs to it.
    let path = unsafe {
        let path = std::ffi::OsString::from_wide(text.as_wide());
        CoTaskMemFree(Some(text.0.cast_const().cast()));
        path
    };
    Ok(PathBuf::from(path).join("lanparty").join("leases"))
}

/// Makes a folder, and the one it is in, unless they are there. One that is there gets the same access list: whoever made
/// it may have let everybody write what the system believes later.
///
/// # Errors
/// The system's; [`io::ErrorKind::InvalidData`] if one of them belongs to somebody unprivileged.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    for folder in [path.parent(), Some(path)].into_iter().flatten() {
        match create_folder(folder) {
            Err(error) if is(&error, ERROR_ALREADY_EXISTS.0) => {}
            // So it says to those who are no administrators.
            Err(error) if is(&error, ERROR_INVALID_OWNER.0) => {
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, error));
            }
            result => result?,
        }
        let flags = FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT;
        let access = READ_CONTROL.0 | WRITE_DAC.0 | FILE_READ_ATTRIBUTES.0;
        let opened = OpenOptions::new().access_mode(access).custom_flags(flags.0).open(folder)?;
        check(&opened, folder)?;
        let descriptor = folder_descriptor()?;
        let what = DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION;
        // SAFETY: the handle is open, and the descriptor lives until the call returns.
        unsafe { SetKernelObjectSecurity(HANDLE(opened.as_raw_handle()), what, descriptor.0) }
            .map_err(system_error)?;
    }
    Ok(())
}

/// Makes a file that must not be there yet. The folder's access list is its own, too.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).open(path)
}

/// Opens a file, which nobody unprivileged may have written.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let flags = FILE_FLAG_OPEN_REPARSE_POINT.0;
    let file = OpenOptions::new().read(true).write(true).custom_flags(flags).open(path)?;
    check(&file, path)?;
    Ok(file)
}

/// Opens a file that holds nothing, or makes it.
pub(crate) fn open_or_create(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

fn folder_descriptor() -> io::Result<Descriptor> {
    let mut descriptor = PSECURITY_DESCRIPTOR::default();
    // SAFETY: a text with its zero, and a place for the answer.
    unsafe {
        ConvertStringSecurityDescriptorToSecurityDescriptorW(
            FOLDER_ACCESS,
            SDDL_REVISION_1,
            &raw mut descriptor,
            None,
        )
    }
    .map_err(system_error)?;
    Ok(Descriptor(descriptor))
}

fn create_folder(path: &Path) -> io::Result<()> {
    let descriptor = folder_descriptor()?;
    let attributes = SECURITY_ATTRIBUTES {
        nLength: size::<SECURITY_ATTRIBUTES>(),
        lpSecurityDescriptor: descriptor.0.0,
        bInheritHandle: false.into(),
    };
    let path: Vec<u16> = path.as_os_str().encode_wide().chain([0]).collect();
    // SAFETY: the path ends with a zero, and the attributes and their descriptor live until the call returns.
    unsafe { CreateDirectoryW(PCWSTR(path.as_ptr()), Some(&raw const attributes)) }.map_err(system_error)
}

/// Refuses what is a link, or owned by anybody but administrators and the system.
///
/// Files of this very account are believed as well: an account that may become an administrator can do so anyway, and
/// some systems let an administrator's files belong to his account.
fn check(file: &File, path: &Path) -> io::Result<()> {
    let refused = |why: &str| {
        let way_out = format!("{} {why}: remove it, and try again", path.display());
        Err(io::Error::new(io::ErrorKind::InvalidData, way_out))
    };
    if file.metadata()?.file_attributes() & FILE_ATTRIBUTE_REPARSE_POINT.0 != 0 {
        return refused("is a link");
    }
    let mut owner = PSID::default();
    let mut descriptor = PSECURITY_DESCRIPTOR::default();
    // SAFETY: the handle is open, and both places are there until the call returns.
    let told = unsafe {
        GetSecurityInfo(
            HANDLE(file.as_raw_handle()),
            SE_FILE_OBJECT,
            OWNER_SECURITY_INFORMATION,
            Some(&raw mut owner),
            None,
            None,
            None,
            Some(&raw mut descriptor),
        )
    };
    outcome(told)?;
    let _descriptor = Descriptor(descriptor);
    // SAFETY: the owner is within the descriptor, which is freed after this.
    let is_privileged = unsafe {
        IsWellKnownSid(owner, WinBuiltinAdministratorsSid).as_bool()
            || IsWellKnownSid(owner, WinLocalSystemSid).as_bool()
    };
    if is_privileged || is_own_account(owner)? {
        return Ok(());
    }
    refused("does not belong to the administrators")
}

fn is_own_account(owner: PSID) -> io::Result<bool> {
    let mut token = HANDLE::default();
    // SAFETY: the handle of this process needs no closing, and the token's is closed below.
    unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &raw mut token) }.map_err(system_error)?;
    // The user, and behind it the id of variable length that it points to: 68 bytes at most.
    type User = [u64; 16];
    let mut user = User::default();
    let mut len = 0;
    // SAFETY: the place is as large as it says, and aligned for the structure; the token is open until it is closed.
    unsafe {
        let told = GetTokenInformation(
            token,
            TokenUser,
            Some(user.as_mut_ptr().cast()),
            size::<User>(),
            &raw mut len,
        );
        let _ = CloseHandle(token);
        told.map_err(system_error)?;
        let user = user.as_ptr().cast::<TOKEN_USER>().read();
        Ok(EqualSid(owner, user.User.Sid).is_ok())
    }
}

fn is(error: &io::Error, code: u32) -> bool {
    error.raw_os_error() == Some(code.cast_signed())
}

/// A descriptor that the system has allocated.
pub(super) struct Descriptor(pub(super) PSECURITY_DESCRIPTOR);

impl Drop for Descriptor {
    fn drop(&mut self) {
        // SAFETY: it was allocated for us by a call that says to free it like this.
        unsafe { LocalFree(Some(HLOCAL(self.0.0))) };
    }
}
