//! Where programs that belong to nobody in particular keep their state.

use std::io;
use std::path::PathBuf;

use crate::route::windows::access;

/// `%ProgramData%\lanparty`, for services: made if it is not there, so that administrators and the system alone may read
/// and write what is in it.
///
/// # Errors
/// The system's; [`io::ErrorKind::PermissionDenied`] also if it is there, and belongs to somebody unprivileged.
pub fn state_folder() -> io::Result<PathBuf> {
    let journals = access::journals()?;
    access::make_folder(&journals)?;
    // The folder of the journals lies in it.
    journals.parent().map(PathBuf::from).ok_or_else(|| io::ErrorKind::NotFound.into())
}
