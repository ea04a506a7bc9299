//! Lookups and inserts under a RwLock.
use std::collections::HashMap;
use std::sync::RwLock;
use std::thread;

fn main() {
    let map = RwLock::new(HashMap::new());
    thread::scope(|s| {
        for part in 0..2u64 {
            let map = &map;
            s.spawn(move || {
                for key in part * 150..(part + 1) * 150 {
                    map.write().unwrap().insert(key, key * key);
                }
            });
            s.spawn(move || {
                for key in 0..300 {
                    let map = map.read().unwrap();
                    assert!(map.get(&key).is_none_or(|n| *n == key * key));
                }
            });
        }
    });
    assert_eq!(map.into_inner().unwrap().len(), 300);
}
