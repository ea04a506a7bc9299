//! Work that real programs leave to crates.
use std::hint::black_box;
use std::io::{Read, Write};
use std::sync::Arc;
use std::thread;

use crate::small::{Noise, in_threads};

/// Searches and captures in a text like a log.
pub fn regex() {
    let text: String = (0..6_000)
        .map(|i| format!("2026-11-{:02} host{} GET /item/{} {}ms\n", i % 30, i % 7, i, i % 250))
        .collect();
    let pattern = regex::Regex::new(r"(?m)^\S+ (host[0-5]) GET /item/(\d+) (\d+)ms$").unwrap();
    let sum = |c: regex::Captures| c[2].parse::<u64>().unwrap() + c[3].parse::<u64>().unwrap();
    black_box(pattern.captures_iter(&text).map(sum).sum::<u64>());
}

/// Deflate and inflate.
pub fn compression() {
    let mut noise = Noise(5);
    let data: Vec<u8> =
        (0..600_000).map(|i| if i % 5 < 3 { b'a' } else { (noise.next() % 16) as u8 }).collect();
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(&data).unwrap();
    let packed = encoder.finish().unwrap();
    let mut unpacked = Vec::new();
    flate2::read::DeflateDecoder::new(&packed[..]).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked.len(), data.len());
}

/// Parse and print.
pub fn json() {
    let item = |i| {
        format!(r#"{{"id": {i}, "name": "item {i}", "tags": ["a", "b{i}"], "price": {i}.5, "ok": true}}"#)
    };
    let text = format!("[{}]", (0..8_000).map(item).collect::<Vec<_>>().join(","));
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    black_box(serde_json::to_string(&value).unwrap().len());
}

/// crossbeam's bounded channel, two senders and two receivers.
pub fn crossbeam() {
    let (sender, receiver) = crossbeam_channel::bounded(64);
    in_threads(4, move |me| {
        if me % 2 == 0 {
            (0..60_000u64).for_each(|i| sender.send(i).unwrap());
        } else {
            black_box(receiver.iter().take(60_000).sum::<u64>());
        }
    });
}

/// A parallel sort and a parallel sum.
pub fn rayon() {
    use rayon::prelude::*;
    let mut noise = Noise(3);
    let mut numbers: Vec<u64> = (0..400_000).map(|_| noise.next()).collect();
    numbers.par_sort_unstable();
    black_box(numbers.par_iter().map(|n| n % 7).sum::<u64>());
}

/// Tasks that answer each other.
pub fn tokio() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let work = (0..400u64).map(|i| {
            tokio::spawn(async move {
                let (sender, mut receiver) = tokio::sync::mpsc::channel(4);
                tokio::spawn(async move {
                    for n in 0..20 {
                        sender.send(n + i).await.unwrap();
                    }
                });
                let mut sum = 0;
                while let Some(n) = receiver.recv().await {
                    sum += n;
                }
                sum
            })
        });
        let mut sum = 0;
        for task in work.collect::<Vec<_>>() {
            sum += task.await.unwrap();
        }
        black_box(sum);
    });
}

/// A concurrent map that two threads write and read.
pub fn dashmap() {
    let map = Arc::new(dashmap::DashMap::new());
    let work = |me: u64| {
        let map = map.clone();
        thread::spawn(move || {
            for i in 0..60_000 {
                *map.entry((i * 7 + me) % 5_000).or_insert(0u64) += 1;
                black_box(map.get(&(i % 5_000)).map(|v| *v));
            }
        })
    };
    let threads = [work(0), work(1)];
    threads.into_iter().for_each(|t| t.join().unwrap());
}
