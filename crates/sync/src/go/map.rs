use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::Mutex;

use crate::rt::{Object, active, lock};

/// Go's `sync.Map`: a map for keys that are written once and read often, or of which each thread has its own.
///
/// > In the terminology of the Go memory model, `Map` arranges that a write operation “synchronizes before” any
/// > read operation that observes the effect of the write. `Load`, `LoadAndDelete`, `LoadOrStore`, `Swap`,
/// > `CompareAndSwap`, and `CompareAndDelete` are read operations; `Delete`, `LoadAndDelete`, `Store`, and `Swap`
/// > are write operations; `LoadOrStore` is a write operation when it returns `loaded` set to false; and so on.
///
/// No edge goes from one key to another: a map under a mutex would give those too, and hide races.
///
/// ```
/// use racecheck::go::Map;
///
/// let map = Map::new();
/// map.store("a", 1);
/// assert_eq!(map.load(&"a"), Some(1));
/// assert_eq!(map.load_or_store("a", 2), (1, true));
/// assert!(map.compare_and_swap(&"a", &1, 3));
/// assert_eq!(map.load_and_delete(&"a"), Some(3));
/// assert_eq!(map.load(&"a"), None);
/// ```
pub struct Map<K, V> {
    entries: Mutex<HashMap<K, Entry<V>>>,
}

struct Entry<V> {
    /// `None`: it was deleted. Kept, so that whoever sees that is ordered after it.
    value: Option<V>,
    written: Object,
}

impl<V> Entry<V> {
    fn new(value: Option<V>) -> Self {
        let written = Object::new();
        written.release();
        Entry { value, written }
    }

    /// A new write: the order of earlier ones is not handed on.
    fn write(&mut self, value: Option<V>) -> Option<V> {
        std::mem::replace(self, Entry::new(value)).value
    }
}

impl<K: Eq + Hash, V: Clone> Map<K, V> {
    /// An empty map.
    pub fn new() -> Self {
        Map { entries: Mutex::default() }
    }

    /// The value of a key.
    pub fn load<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let entries = lock(&self.entries);
        let entry = entries.get(key)?;
        entry.written.acquire();
        entry.value.clone()
    }

    /// Sets the value of a key.
    pub fn store(&self, key: K, value: V) {
        let mut entries = lock(&self.entries);
        let old = match entries.get_mut(&key) {
            Some(entry) => entry.write(Some(value)),
            None => entries.insert(key, Entry::new(Some(value))).and_then(|entry| entry.value),
        };
        drop(entries);
        // The value's own destructor runs without the lock.
        drop(old);
    }

    /// The value of the key, and true; or sets it, and returns it and false.
    pub fn load_or_store(&self, key: K, value: V) -> (V, bool) {
        let mut entries = lock(&self.entries);
        match entries.get_mut(&key) {
            Some(entry) => {
                entry.written.acquire();
                if let Some(value) = &entry.value {
                    return (value.clone(), true);
                }
                entry.write(Some(value.clone()));
            }
            None => _ = entries.insert(key, Entry::new(Some(value.clone()))),
        }
        (value, false)
    }

    /// Removes the key, and returns what its value was.
    pub fn load_and_delete<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let mut entries = lock(&self.entries);
        entries.get(key)?.written.acquire();
        if active() { entries.get_mut(key)?.write(None) } else { entries.remove(key)?.value }
    }

    /// Removes the key.
    pub fn delete<Q: Eq + Hash + ?Sized>(&self, key: &Q)
    where
        K: Borrow<Q>,
    {
        self.load_and_delete(key);
    }

    /// Sets the value, and returns the one before.
    pub fn swap(&self, key: K, value: V) -> Option<V> {
        let mut entries = lock(&self.entries);
        match entries.get_mut(&key) {
            Some(entry) => {
                entry.written.acquire();
                entry.write(Some(value))
            }
            None => entries.insert(key, Entry::new(Some(value))).and_then(|entry| entry.value),
        }
    }

    /// Sets the value if it is `old`; true if it was.
    pub fn compare_and_swap<Q: Eq + Hash + ?Sized>(&self, key: &Q, old: &V, new: V) -> bool
    where
        K: Borrow<Q>,
        V: PartialEq,
    {
        self.compare_and_write(key, old, Some(new))
    }

    /// Removes the key if its value is `old`; true if it was.
    pub fn compare_and_delete<Q: Eq + Hash + ?Sized>(&self, key: &Q, old: &V) -> bool
    where
        K: Borrow<Q>,
        V: PartialEq,
    {
        self.compare_and_write(key, old, None)
    }

    fn compare_and_write<Q: Eq + Hash + ?Sized>(&self, key: &Q, old: &V, new: Option<V>) -> bool
    where
        K: Borrow<Q>,
        V: PartialEq,
    {
        let mut entries = lock(&self.entries);
        let Some(entry) = entries.get_mut(key) else { return false };
        entry.written.acquire();
        let same = entry.value.as_ref() == Some(old);
        if same {
            entry.write(new);
        }
        same
    }

    /// Calls `f` with each key and value, until it returns false. `f` may use the map.
    pub fn range(&self, mut f: impl FnMut(&K, &V) -> bool)
    where
        K: Clone,
    {
        let keys: Vec<K> = lock(&self.entries).keys().cloned().collect();
        for key in keys {
            if let Some(value) = self.load(&key)
                && !f(&key, &value)
            {
                return;
            }
        }
    }

    /// Removes all keys.
    pub fn clear(&self) {
        let mut entries = lock(&self.entries);
        let old: Vec<Option<V>> = entries.values_mut().map(|entry| entry.write(None)).collect();
        if !active() {
            entries.clear();
        }
        drop(entries);
        drop(old);
    }
}

impl<K: Eq + Hash, V: Clone> Default for Map<K, V> {
    fn default() -> Self {
        Map::new()
    }
}

impl<K, V> fmt::Debug for Map<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Map").finish_non_exhaustive()
    }
}
