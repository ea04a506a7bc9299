use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, OnceLock};

use super::WaitGroup;
use crate::rt::lock;

/// Go's `singleflight.Group`: of several threads that want the same thing at the same time one does the
/// work, and all get its result.
///
/// The call of the function is ordered before the return of every `run` that got its result.
///
/// ```
/// use racecheck::go::{Flight, Shared};
///
/// let flight = Flight::new();
/// assert_eq!(flight.run("key", || 42), (42, Shared::No));
/// ```
pub struct Flight<K, V> {
    calls: Mutex<HashMap<K, Arc<Call<V>>>>,
}

struct Call<V> {
    done: WaitGroup,
    value: OnceLock<V>,
    others: Mutex<usize>,
}

/// Whether a result was given to more than one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shared {
    /// Nobody else got it.
    No,
    /// Others got it too.
    Yes,
}

impl<K: Eq + Hash + Clone, V: Clone> Flight<K, V> {
    /// Nothing is being done.
    pub fn new() -> Self {
        Flight { calls: Mutex::default() }
    }

    /// The result of `f`, or of the call for the same key that is under way.
    ///
    /// # Panics
    /// If that call panicked.
    #[track_caller]
    pub fn run(&self, key: K, f: impl FnOnce() -> V) -> (V, Shared) {
        let call = {
            let mut calls = lock(&self.calls);
            match calls.get(&key) {
                Some(call) => {
                    *lock(&call.others) += 1;
                    Err(call.clone())
                }
                None => {
                    let call = Arc::new(Call {
                        done: WaitGroup::new(),
                        value: OnceLock::new(),
                        others: Mutex::new(0),
                    });
                    call.done.add(1);
                    calls.insert(key.clone(), call.clone());
                    Ok(call)
                }
            }
        };
        match call {
            Ok(call) => {
                let flies = Flies { flight: self, key: &key, call: &call };
                let value = call.value.get_or_init(f).clone();
                drop(flies);
                let shared = if *lock(&call.others) > 0 { Shared::Yes } else { Shared::No };
                (value, shared)
            }
            Err(call) => {
                call.done.wait_for_other();
                let value = call.value.get().expect("the call of singleflight that did the work panicked");
                (value.clone(), Shared::Yes)
            }
        }
    }

    /// The next `run` for the key does not share the result of the call that is under way.
    pub fn forget(&self, key: &K) {
        lock(&self.calls).remove(key);
    }
}

/// A call under way; ends also by a panic.
struct Flies<'a, K: Eq + Hash, V> {
    flight: &'a Flight<K, V>,
    key: &'a K,
    call: &'a Arc<Call<V>>,
}

impl<K: Eq + Hash, V> Drop for Flies<'_, K, V> {
    fn drop(&mut self) {
        {
            let mut calls = lock(&self.flight.calls);
            if calls.get(self.key).is_some_and(|call| Arc::ptr_eq(call, self.call)) {
                calls.remove(self.key);
            }
        }
        self.call.done.done();
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Default for Flight<K, V> {
    fn default() -> Self {
        Flight::new()
    }
}

impl<K, V> fmt::Debug for Flight<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flight").field("calls", &lock(&self.calls).len()).finish_non_exhaustive()
    }
}
