use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use crate::rt::{Object, lock};

/// Go's `sync.Pool`: objects that nobody uses at the moment. Each thread has a place of its own for the
/// last one that it put; further ones are shared.
///
/// Go empties pools at garbage collections. Here [`collect_pools`] stands for one: what no `get` took since
/// the last but one is dropped (the *victims*).
///
/// > In the terminology of the Go memory model, a call to `Put(x)` “synchronizes before” a call to `Get` returning
/// > that same value `x`. Similarly, a call to `New` returning `x` “synchronizes before” a call to `Get` returning
/// > that same value `x`.
///
/// ```
/// use racecheck::go::Pool;
///
/// let buffers = Pool::new(|| Vec::<u8>::with_capacity(64));
/// let mut buffer = buffers.get();
/// buffer.push(1);
/// buffer.clear();
/// buffers.put(buffer);
/// assert!(buffers.get().is_empty());
/// ```
pub struct Pool<T: Send + 'static> {
    shared: Arc<Shared<T>>,
    new: Box<dyn Fn() -> T + Send + Sync>,
}

struct Item<T> {
    value: T,
    put: Object,
}

struct Shared<T> {
    number: u64,
    lists: Mutex<Lists<T>>,
}

struct Lists<T> {
    /// By thread: the last one that it put.
    private: HashMap<u64, Item<T>>,
    shared: Vec<Item<T>>,
    victims: Vec<Item<T>>,
}

trait Collect: Send + Sync {
    fn collect(&self);
}

impl<T: Send> Collect for Shared<T> {
    fn collect(&self) {
        let mut lists = lock(&self.lists);
        let mut next: Vec<Item<T>> = lists.private.drain().map(|(_, item)| item).collect();
        next.append(&mut lists.shared);
        let dropped = std::mem::replace(&mut lists.victims, next);
        drop(lists);
        // The values' own destructors run without the lock.
        drop(dropped);
    }
}

static POOLS: Mutex<Vec<Weak<dyn Collect>>> = Mutex::new(Vec::new());

/// What a garbage collection is to Go's pools: drops what was not taken since the last but one.
pub fn collect_pools() {
    let pools: Vec<Arc<dyn Collect>> = {
        let mut pools = lock(&POOLS);
        pools.retain(|pool| pool.strong_count() > 0);
        pools.iter().filter_map(Weak::upgrade).collect()
    };
    pools.iter().for_each(|pool| pool.collect());
}

thread_local! {
    static MY_NUMBER: RefCell<Option<u64>> = const { RefCell::new(None) };
}

fn my_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = || NEXT.fetch_add(1, Ordering::Relaxed);
    // A thread without thread-local variables, at its very end, gets a new number each time.
    MY_NUMBER.try_with(|mine| *mine.borrow_mut().get_or_insert_with(number)).unwrap_or_else(|_| number())
}

impl<T: Send + 'static> Pool<T> {
    /// A pool that makes its objects with `new`.
    pub fn new(new: impl Fn() -> T + Send + Sync + 'static) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let lists = Lists { private: HashMap::new(), shared: Vec::new(), victims: Vec::new() };
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let shared = Arc::new(Shared { number, lists: Mutex::new(lists) });
        let weak: Weak<Shared<T>> = Arc::downgrade(&shared);
        lock(&POOLS).push(weak);
        Pool { shared, new: Box::new(new) }
    }

    /// Some object of the pool, or a new one.
    pub fn get(&self) -> T {
        let me = my_number();
        let found = {
            let mut lists = lock(&self.shared.lists);
            let mine = lists.private.remove(&me);
            mine.or_else(|| lists.shared.pop()).or_else(|| lists.victims.pop())
        };
        match found {
            Some(item) => {
                item.put.acquire();
                item.value
            }
            None => (self.new)(),
        }
    }

    /// Gives an object to the pool. Whoever has another reference to it may not use that any more.
    pub fn put(&self, value: T) {
        let item = Item { value, put: Object::new() };
        item.put.release();
        let mut lists = lock(&self.shared.lists);
        if let Some(before) = lists.private.insert(my_number(), item) {
            lists.shared.push(before);
        }
    }
}

impl<T: Send + 'static> fmt::Debug for Pool<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("number", &self.shared.number).finish_non_exhaustive()
    }
}
