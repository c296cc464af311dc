//! The test driver itself: everything else here relies on it.

use libtest_mimic::Trial;

use crate::host::Host;
use crate::party::trial;
use crate::windows::Windows;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("driver::it_does_what_the_real_one_does", it_does_what_the_real_one_does)]
}

fn it_does_what_the_real_one_does() {
    let host = Host::new("alice");
    let windows = Windows::boot(&host);
    windows.tapctl("add 90 mac=021122334455");
    let mut test = windows.start("driver_test.exe", &[]);
    assert!(test.ended().success());
}
