//! The threads of a loop get the loop's variable by value.
use std::thread;

fn main() {
    for _ in 0..30 {
        let mut squares = [0; 6];
        thread::scope(|s| {
            for (i, square) in squares.iter_mut().enumerate() {
                s.spawn(move || *square = i * i);
            }
        });
        assert_eq!(squares, [0, 1, 4, 9, 16, 25]);
    }
}
