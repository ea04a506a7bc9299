//! A trait object that is replaced under a lock, which callers clone out.
use std::sync::{Arc, Mutex};
use std::thread;

trait Shape: Sync + Send {
    fn corners(&self) -> u32;
}

struct Triangle;
struct Square;

impl Shape for Triangle {
    fn corners(&self) -> u32 {
        3
    }
}

impl Shape for Square {
    fn corners(&self) -> u32 {
        4
    }
}

fn main() {
    let shape: Mutex<Arc<dyn Shape>> = Mutex::new(Arc::new(Triangle));
    thread::scope(|s| {
        for _ in 0..3 {
            s.spawn(|| {
                for _ in 0..150 {
                    let shape = Arc::clone(&*shape.lock().unwrap());
                    assert!((3..=4).contains(&shape.corners()));
                }
            });
        }
        for n in 0..100 {
            let next: Arc<dyn Shape> = if n % 2 == 0 { Arc::new(Square) } else { Arc::new(Triangle) };
            *shape.lock().unwrap() = next;
        }
    });
}
