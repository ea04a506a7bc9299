//! The library of the `dlopen` pair, built as a cdylib.

/// Writes `value` through `place`.
///
/// # Safety
/// `place` is valid for writes; whether they are ordered is the caller's affair.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn poke(place: *mut u64, value: u64) {
    unsafe { *place = value }; // race: write
}
