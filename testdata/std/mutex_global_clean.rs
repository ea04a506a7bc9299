//! A table in a global lock, used only while the guard lives.
use std::collections::HashMap;
use std::sync::Mutex;
use std::thread;

static TABLE: Mutex<Option<HashMap<u32, Box<u64>>>> = Mutex::new(None);

fn bump(key: u32) {
    let mut table = TABLE.lock().unwrap();
    **table.get_or_insert_default().entry(key).or_default() += 1;
}

fn main() {
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| (0..200).for_each(|i| bump(i % 10)));
        }
    });
    let table = TABLE.lock().unwrap();
    let table = table.as_ref().unwrap();
    assert_eq!(table.len(), 10);
    assert!(table.values().all(|n| **n == 80));
}
