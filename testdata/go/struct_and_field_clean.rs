//! A struct is replaced as a whole in a lock in which its fields are read.
use std::thread;

#[derive(Clone, Copy, Default)]
struct Point {
    x: u64,
    y: u64,
    z: u64,
}

static mut POINT: Point = Point { x: 0, y: 0, z: 0 };
use std::sync::RwLock;

static LOCK: RwLock<()> = RwLock::new(());

fn main() {
    thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                for _ in 0..150 {
                    let _guard = LOCK.read().unwrap();
                    let (x, z) = unsafe { (POINT.x, POINT.z) };
                    assert_eq!(x, z);
                }
            });
        }
        for n in 0..150 {
            let _guard = LOCK.write().unwrap();
            unsafe { POINT = Point { x: n, y: 0, z: n } };
        }
    });
    assert_eq!(unsafe { POINT.y }, 0);
}
