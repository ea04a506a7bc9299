//! A string goes from thread to thread by value, and grows in each.
use std::thread;

fn main() {
    let mut text = String::new();
    for i in 0..60 {
        let next = thread::spawn(move || {
            text.push(char::from(b'a' + (i % 26) as u8));
            text
        });
        text = next.join().unwrap();
    }
    assert_eq!(text.len(), 60);
    assert!(text.starts_with("abcdef"));
}
