//! What has a history, and its edges: whoever records, this is where an edge of a primitive goes through.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use racecheck_engine::{Channel, StoreOrder};
use racecheck_report::model::Stack;

use super::lock::Sharing;
use super::memory::{self, Claim};
use super::place::{self, Place};
use super::{Inner, Mode, Quiet, engine, enter, instrumented, lock, recorder, runtime};

/// What has a history: a lock, an atomic, a cell. It has no address until its first event.
///
/// Its word is 0 until then; after it, a [`Claim`] for this crate's own engine, or for the runtime the real
/// address of a granule on the heap: an object may be moved in memory, and its history must come along.
#[derive(Debug)]
pub(crate) struct Object(AtomicU64);

impl Object {
    pub(crate) const fn new() -> Self {
        Object(AtomicU64::new(0))
    }

    /// Its range of virtual addresses, of at least `size` bytes; the size of the first call counts. For this crate's
    /// own engine only.
    #[inline]
    pub(crate) fn claim(&self, size: u64) -> Option<Claim> {
        match self.0.load(Ordering::Acquire) {
            0 => self.claim_now(size),
            bits => Some(Claim(bits)),
        }
    }

    #[cold]
    fn claim_now(&self, size: u64) -> Option<Claim> {
        let fresh = memory::claim(size)?;
        match self.0.compare_exchange(0, fresh.0, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Some(fresh),
            Err(other) => {
                memory::give_back(fresh);
                Some(Claim(other))
            }
        }
    }

    /// Its range, if it had an event. For this crate's own engine only.
    pub(super) fn known(&self) -> Option<Claim> {
        Some(self.0.load(Ordering::Acquire)).filter(|bits| *bits != 0).map(Claim)
    }

    /// The address at which its edges are recorded, by whomever, and that tells it from all others.
    #[inline]
    pub(crate) fn address(&self) -> Option<u64> {
        if instrumented() { Some(self.granule()) } else { self.claim(8).map(Claim::address) }
    }

    /// As [`Object::address`], if it had an event.
    pub(crate) fn known_address(&self) -> Option<u64> {
        let _quiet = Quiet::begin();
        match self.0.load(Ordering::Acquire) {
            0 => None,
            bits if instrumented() => Some(bits),
            bits => Some(Claim(bits).address()),
        }
    }

    #[cold]
    fn granule(&self) -> u64 {
        let _quiet = Quiet::begin();
        let known = self.0.load(Ordering::Acquire);
        if known != 0 {
            return known;
        }
        let fresh = Box::into_raw(Box::new(0_u64));
        match self.0.compare_exchange(0, fresh as u64, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => fresh as u64,
            Err(other) => {
                // SAFETY: it was made above, and nobody else has seen it.
                drop(unsafe { Box::from_raw(fresh) });
                other
            }
        }
    }

    /// What was released into it is ordered before what the current thread does from now on.
    #[inline]
    pub(crate) fn acquire(&self) {
        self.acquire_from(Channel::OWNER);
    }

    #[inline]
    pub(crate) fn acquire_from(&self, channel: Channel) {
        if let Some(mut e) = enter() {
            e.acquire(self, channel);
        }
    }

    /// What the current thread did is ordered before whoever acquires; earlier releases count on.
    #[inline]
    pub(crate) fn release(&self) {
        self.release_to(Channel::OWNER);
    }

    #[inline]
    pub(crate) fn release_to(&self, channel: Channel) {
        if let Some(mut e) = enter() {
            e.release(self, channel);
        }
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        match *self.0.get_mut() {
            0 => {}
            granule if instrumented() => {
                let _quiet = Quiet::begin();
                // SAFETY: it came from Box::into_raw in `granule`, and the object is gone.
                drop(unsafe { Box::from_raw(granule as *mut u64) });
            }
            bits => {
                let claim = Claim(bits);
                engine().reset(claim.address(), claim.size());
                memory::give_back(claim);
            }
        }
    }
}

/// The two kinds of calls that must be ordered with each other, though not among themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    First,
    Second,
}

impl Object {
    /// Records a call of one of two kinds. The stacks of this one and of an unordered one of the other kind, if there
    /// was one. `other` is where one of the other kind was called last: the runtime tells no more.
    pub(crate) fn call(&self, call: Call, place: Place, other: Option<Place>) -> Option<(Stack, Stack)> {
        let mut e = enter()?;
        let address = self.address()?;
        let inner = &mut *e;
        if instrumented() {
            let before = runtime::call(address, call).then(|| other.map_or_else(Stack::lost, place::at))?;
            let ctx = inner.context_of_origin(place);
            let keys = inner.engine.contexts.stack(ctx);
            drop(e);
            return Some((place::resolve(&keys), before));
        }
        let here = inner.here(place);
        // Relaxed atomics race with plain reads, but neither kind with itself.
        match call {
            Call::First => {
                inner.engine.store(&mut inner.thread, address, 8, StoreOrder::Relaxed, here, || ())
            }
            Call::Second => inner.engine.read(&mut inner.thread, address, 8, here),
        }
        let races = std::mem::take(&mut inner.thread.races);
        drop(e);
        let race = races.first()?;
        let stack = |ctx| place::resolve(&engine().contexts.stack(ctx));
        Some((stack(race.current.ctx), stack(race.previous.ctx)))
    }
}

impl Inner {
    #[inline]
    pub(crate) fn acquire(&mut self, object: &Object, channel: Channel) {
        let Some(address) = object.address() else { return };
        if instrumented() {
            return runtime::acquire(in_granule(address, channel));
        }
        self.engine.acquire(&mut self.thread, address, channel);
    }

    #[inline]
    pub(crate) fn release(&mut self, object: &Object, channel: Channel) {
        let Some(address) = object.address() else { return };
        if instrumented() {
            return runtime::release(in_granule(address, channel));
        }
        self.engine.release(&mut self.thread, address, channel);
    }

    /// The holder of a lock gives it back: what it acquired need not be kept beside what it releases.
    #[inline]
    pub(crate) fn release_owner(&mut self, object: &Object, sharing: Sharing) {
        let Some(address) = object.address() else { return };
        if instrumented() {
            return runtime::release(in_granule(address, Channel::OWNER));
        }
        self.engine.release_owner(&mut self.thread, address, Channel::OWNER);
        if sharing == Sharing::Readers {
            // What readers released is part of what this holder acquired.
            self.engine.forget(address, Channel::READERS);
        }
    }
}

/// The runtime has one clock for each address: the channels of an object are the bytes of its granule.
fn in_granule(address: u64, channel: Channel) -> u64 {
    const CHANNELS: [Channel; 4] = [Channel::OWNER, Channel::READERS, Channel::round(0), Channel::round(1)];
    let byte = CHANNELS.iter().position(|c| *c == channel).unwrap_or(0);
    address + byte as u64
}

/// The way of an edge that the program tells of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Annotation {
    Acquire,
    Release,
}

/// Does something with the object that stands for the value at this real address.
pub(crate) fn annotated<T: ?Sized>(value: &T, annotation: Annotation) {
    static OBJECTS: Mutex<Option<HashMap<usize, Arc<Object>>>> = Mutex::new(None);
    let address = std::ptr::from_ref(value).cast::<u8>() as usize;
    match recorder() {
        None => {}
        Some(Mode::Instrumented) => match annotation {
            Annotation::Acquire => runtime::acquire(address as u64),
            Annotation::Release => runtime::release(address as u64),
        },
        Some(_) => {
            let object = lock(&OBJECTS)
                .get_or_insert_default()
                .entry(address)
                .or_insert_with(|| Arc::new(Object::new()))
                .clone();
            match annotation {
                Annotation::Acquire => object.acquire(),
                Annotation::Release => object.release(),
            }
        }
    }
}
