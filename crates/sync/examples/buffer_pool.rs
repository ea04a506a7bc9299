//! Buffers that are used again. `racy` keeps a reference to a buffer after it was put back.

use racecheck::cell::RaceCell;
use racecheck::go::{Chan, Pool, WaitGroup};
use std::sync::Arc;

type Buffer = Arc<RaceCell<Vec<u8>>>;

fn main() {
    let keeps = match std::env::args().nth(1).as_deref() {
        Some("racy") => true,
        Some("right") => false,
        _ => panic!("say racy or right"),
    };
    let pool = Arc::new(Pool::new(|| Buffer::new(RaceCell::named("buffer", Vec::new()))));
    let (wg, put) = (WaitGroup::new(), Chan::<()>::make(1));
    let (theirs, told) = (pool.clone(), put.clone());
    wg.go(move || {
        let buffer = theirs.get();
        buffer.with_mut(|b| b.extend(b"first"));
        let kept = keeps.then(|| buffer.clone());
        buffer.with_mut(Vec::clear);
        theirs.put(buffer);
        // One more, so that the first is not kept back for this thread.
        theirs.put(Buffer::new(RaceCell::named("buffer", Vec::new())));
        told.send(());
        if let Some(kept) = kept {
            kept.with_mut(|b| b.extend(b"too late"));
        }
    });
    wg.go(move || {
        put.recv();
        let buffer = pool.get();
        buffer.with_mut(|b| b.extend(b"second"));
        println!("{}", buffer.with(|b| String::from_utf8_lossy(b).into_owned()));
    });
    wg.wait();
}
