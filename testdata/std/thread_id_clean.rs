//! Each thread writes its own entry of a table that a lock guards, keyed by its id.
use std::collections::HashMap;
use std::sync::Mutex;
use std::thread;
use std::thread::ThreadId;

static TABLE: Mutex<Option<HashMap<ThreadId, u64>>> = Mutex::new(None);

fn main() {
    thread::scope(|s| {
        for _ in 0..6 {
            s.spawn(|| {
                for _ in 0..50 {
                    let me = thread::current().id();
                    *TABLE.lock().unwrap().get_or_insert_default().entry(me).or_default() += 1;
                }
            });
        }
    });
    let table = TABLE.lock().unwrap().take().unwrap();
    assert_eq!(table.len(), 6);
    assert!(table.values().all(|n| *n == 50));
}
