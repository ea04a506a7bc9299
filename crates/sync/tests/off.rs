//! What is left when the shim is off.

#[cfg(not(feature = "detect"))]
#[test]
fn without_the_feature_the_types_are_the_standard_library_s() {
    use std::any::TypeId;
    fn same<A: 'static, B: 'static>() {
        assert_eq!(TypeId::of::<A>(), TypeId::of::<B>());
    }
    same::<racecheck::sync::Mutex<i32>, std::sync::Mutex<i32>>();
    same::<racecheck::sync::RwLock<i32>, std::sync::RwLock<i32>>();
    same::<racecheck::sync::Condvar, std::sync::Condvar>();
    same::<racecheck::sync::atomic::AtomicU64, std::sync::atomic::AtomicU64>();
    same::<racecheck::sync::mpsc::Sender<i32>, std::sync::mpsc::Sender<i32>>();
    same::<racecheck::thread::JoinHandle<i32>, std::thread::JoinHandle<i32>>();
    same::<racecheck::cell::UnsafeCell<i32>, std::cell::UnsafeCell<i32>>();
    assert_eq!(racecheck::detector(), racecheck::Detector::Nobody);
}

#[cfg(feature = "detect")]
#[test]
fn with_the_feature_debug_builds_are_checked() {
    let expected = match std::env::var(racecheck::DETECT_VARIABLE).as_deref() {
        Ok("0") => racecheck::Detector::Nobody,
        Ok("1") => racecheck::Detector::Shim,
        _ if cfg!(debug_assertions) => racecheck::Detector::Shim,
        _ => racecheck::Detector::Nobody,
    };
    assert_eq!(racecheck::detector(), expected);
}
