//! Texts, bytes, structs and lists across the boundary.
//!
//! All raw reads and writes of the caller's memory happen here or in [`crate::handle`].

use std::ffi::{CStr, c_char};
use std::slice;

use crate::error::Failure;
use crate::handle::writable;
use crate::status::*;

/// As the length of a text: it ends with a NUL instead.
pub const LANPARTY_NUL_TERMINATED: usize = usize::MAX;

/// A text that is borrowed from the library for the time of a callback: UTF-8, without a NUL at its end.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct lanparty_str {
    /// Its bytes.
    pub ptr: *const c_char,
    /// How many they are.
    pub len: usize,
}

impl From<&str> for lanparty_str {
    fn from(text: &str) -> Self {
        Self { ptr: text.as_ptr().cast(), len: text.len() }
    }
}

/// Bytes of the caller. NULL is no bytes if `len` is 0.
///
/// # Safety
/// `pointer` is NULL or `len` bytes can be read there for as long as the slice is used.
pub(crate) unsafe fn bytes<'a>(pointer: *const u8, len: usize, what: &str) -> Result<&'a [u8], Failure> {
    match (pointer.is_null(), len) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(Failure::usage(LANPARTY_E_NULL, format!("{what} is NULL"))),
        (false, len) if isize::try_from(len).is_err() => {
            Err(Failure::usage(LANPARTY_E_INVALID_ARG, format!("{what} has an impossible length")))
        }
        // SAFETY: as this function asks.
        (false, len) => Ok(unsafe { slice::from_raw_parts(pointer, len) }),
    }
}

/// A text of the caller.
///
/// # Safety
/// `pointer` is NULL, or `len` bytes can be read there, or it is NUL-terminated where `len` says so.
pub(crate) unsafe fn text<'a>(pointer: *const c_char, len: usize, what: &str) -> Result<&'a str, Failure> {
    let bytes = if len == LANPARTY_NUL_TERMINATED && !pointer.is_null() {
        // SAFETY: as this function asks.
        unsafe { CStr::from_ptr(pointer) }.to_bytes()
    } else {
        // SAFETY: as this function asks.
        unsafe { bytes(pointer.cast(), len, what) }?
    };
    std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        Failure::usage(LANPARTY_E_NOT_UTF8, format!("{what} is not UTF-8 (byte {at})"))
    })
}

/// A text that may be left out: NULL is none.
///
/// # Safety
/// As [`text`].
pub(crate) unsafe fn optional_text<'a>(
    pointer: *const c_char,
    len: usize,
    what: &str,
) -> Result<Option<&'a str>, Failure> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: as this function asks.
    unsafe { text(pointer, len, what) }.map(Some)
}

/// Copies `value` to the caller if it fits; `needed` is told in any case.
///
/// # Safety
/// `cap` bytes may be written at `buf`, and `needed` may be written, where they are not NULL.
pub(crate) unsafe fn copy_out(
    value: &[u8],
    buf: *mut u8,
    cap: usize,
    needed: *mut usize,
) -> Result<i32, Failure> {
    writable(needed, "needed")?;
    if cap > 0 {
        writable(buf, "buf")?;
    }
    // SAFETY: not NULL, and the caller may write it.
    unsafe { needed.write(value.len()) };
    if cap < value.len() {
        return Ok(LANPARTY_TRUNCATED);
    }
    if !value.is_empty() {
        // SAFETY: `cap` bytes may be written, and the value has no more.
        unsafe { buf.copy_from_nonoverlapping(value.as_ptr(), value.len()) };
    }
    Ok(LANPARTY_OK)
}

/// [`copy_out`] of a text, with a NUL behind it that counts.
///
/// # Safety
/// As there.
pub(crate) unsafe fn copy_text_out(
    value: &str,
    buf: *mut c_char,
    cap: usize,
    needed: *mut usize,
) -> Result<i32, Failure> {
    let mut value = value.replace('\0', "").into_bytes();
    value.push(0);
    // SAFETY: as this function asks.
    unsafe { copy_out(&value, buf.cast(), cap, needed) }
}

/// A struct that begins with its size, or an element of a list whose size is told beside it.
///
/// # Safety
/// The type is `repr(C)` and holds nothing but numbers and arrays of numbers.
pub(crate) unsafe trait Record: Copy {
    /// Its size in the first version of the ABI. Fields are only ever added at the end.
    const FIRST_SIZE: usize;

    /// Puts the caller's `struct_size` back, if it has one.
    fn keep_size(&mut self, _size: u32) {}
}

/// Checks that the caller knows at least the first version of a struct that begins with its size.
///
/// # Safety
/// `out` is NULL or can be read as far as its `struct_size`.
pub(crate) unsafe fn check_record<T: Record>(out: *const T, what: &str) -> Result<usize, Failure> {
    writable(out.cast_mut(), what)?;
    // SAFETY: not NULL, and the struct begins with these four bytes.
    let size = unsafe { out.cast::<u32>().read_unaligned() };
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    check_size::<T>(size, &format!("{what}'s struct_size"))?;
    Ok(size)
}

fn check_size<T: Record>(size: usize, what: &str) -> Result<(), Failure> {
    if size >= T::FIRST_SIZE {
        return Ok(());
    }
    let message = format!("{what} is {size} but must be at least {}: set it to sizeof", T::FIRST_SIZE);
    Err(Failure::usage(LANPARTY_E_STRUCT_SIZE, message))
}

/// Fills a struct that begins with its size: as many bytes as both sides know.
///
/// # Safety
/// `out` is NULL, or as many bytes may be written there as its `struct_size` says.
pub(crate) unsafe fn fill<T: Record>(out: *mut T, what: &str, mut value: T) -> Result<i32, Failure> {
    // SAFETY: as this function asks.
    let size = unsafe { check_record(out, what) }?;
    value.keep_size(u32::try_from(size).unwrap_or(u32::MAX));
    // SAFETY: the caller's struct has `size` bytes, and ours is a `Record`.
    unsafe { write_record(&value, out.cast(), size) };
    Ok(LANPARTY_OK)
}

/// Fills a list, as far as it has room, and tells how long it would be.
///
/// # Safety
/// `cap` elements of `size` bytes may be written at `out`, and `count` may be written, where they are not NULL.
pub(crate) unsafe fn fill_list<T: Record>(
    out: *mut T,
    size: usize,
    cap: usize,
    count: *mut usize,
    values: impl FnOnce() -> Vec<T>,
) -> Result<i32, Failure> {
    writable(count, "count")?;
    check_size::<T>(size, "the size of an element")?;
    if cap > 0 {
        writable(out, "the list")?;
    }
    let values = values();
    for (index, value) in values.iter().take(cap).enumerate() {
        let mut value = *value;
        value.keep_size(u32::try_from(size).unwrap_or(u32::MAX));
        // SAFETY: there are `cap` elements of `size` bytes.
        unsafe { write_record(&value, out.cast::<u8>().add(index * size), size) };
    }
    // SAFETY: not NULL, and the caller may write it.
    unsafe { count.write(values.len()) };
    Ok(if values.len() > cap { LANPARTY_TRUNCATED } else { LANPARTY_OK })
}

/// # Safety
/// `size` bytes may be written at `out`.
unsafe fn write_record<T: Record>(value: &T, out: *mut u8, size: usize) {
    let len = size.min(size_of::<T>());
    // SAFETY: both sides have `len` bytes, and a `Record` has no meaning beyond its bytes. The caller's struct may stand
    // at any address.
    unsafe { out.copy_from_nonoverlapping(std::ptr::from_ref(value).cast(), len) };
}

/// A text in a field of fixed size: NUL-terminated, and cut between two characters if it is too long.
pub(crate) fn field<const N: usize>(text: &str) -> [c_char; N] {
    let mut field = [0; N];
    let mut end = text.len().min(N - 1);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let bytes = text.as_bytes()[..end].iter().filter(|byte| **byte != 0);
    for (slot, byte) in field.iter_mut().zip(bytes) {
        *slot = c_char::from_ne_bytes([*byte]);
    }
    field
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown<const N: usize>(text: &str) -> Vec<u8> {
        field::<N>(text).iter().map(|char| char.to_ne_bytes()[0]).collect()
    }

    #[test]
    fn a_field_is_cut_between_characters() {
        assert_eq!(shown::<4>("abc"), b"abc\0");
        assert_eq!(shown::<4>("abcd"), b"abc\0");
        assert_eq!(shown::<4>("ab\u{e9}"), b"ab\0\0");
        assert_eq!(shown::<4>(""), b"\0\0\0\0");
    }

    #[test]
    fn texts_are_checked() {
        // SAFETY: all pointers are NULL or lead to as many bytes as said.
        unsafe {
            assert_eq!(text(c"party".as_ptr(), LANPARTY_NUL_TERMINATED, "name").unwrap(), "party");
            assert_eq!(text(c"party".as_ptr(), 3, "name").unwrap(), "par");
            assert_eq!(text(std::ptr::null(), 0, "name").unwrap(), "");
            assert_eq!(text(std::ptr::null(), 3, "name").unwrap_err().status, LANPARTY_E_NULL);
            let null = text(std::ptr::null(), LANPARTY_NUL_TERMINATED, "name");
            assert_eq!(null.unwrap_err().status, LANPARTY_E_NULL);
            let bad = text(c"a\xff".as_ptr(), LANPARTY_NUL_TERMINATED, "name");
            assert_eq!(bad.unwrap_err().status, LANPARTY_E_NOT_UTF8);
            let long = text(c"a".as_ptr(), usize::MAX - 1, "name");
            assert_eq!(long.unwrap_err().status, LANPARTY_E_INVALID_ARG);
        }
    }

    #[test]
    fn a_copy_is_whole_or_not_at_all() {
        let mut needed = 0;
        let mut buf = [7; 4];
        // SAFETY: the buffer has four bytes.
        unsafe {
            let status = copy_text_out("abc", buf.as_mut_ptr(), 3, &raw mut needed).unwrap();
            assert_eq!((status, needed, buf), (LANPARTY_TRUNCATED, 4, [7; 4]));
            let status = copy_text_out("abc", buf.as_mut_ptr(), 4, &raw mut needed).unwrap();
            assert_eq!((status, needed), (LANPARTY_OK, 4));
            assert_eq!(buf.map(|char| char.to_ne_bytes()[0]), *b"abc\0");
            let status = copy_text_out("abc", std::ptr::null_mut(), 0, &raw mut needed).unwrap();
            assert_eq!((status, needed), (LANPARTY_TRUNCATED, 4));
        }
    }
}
