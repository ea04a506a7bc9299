//! Money that goes from one account to another. `racy` has no locks; `inverted` locks the giver first, so that
//! two transfers in opposite directions can wait for each other; `right` locks in the order of the numbers.

use racecheck::cell::RaceCell;
use racecheck::go::{Mutex, WaitGroup};
use std::sync::Arc;

struct Account {
    number: u32,
    mu: Mutex,
    balance: RaceCell<i64>,
}

impl Account {
    fn new(number: u32) -> Arc<Self> {
        Arc::new(Account { number, mu: Mutex::new(), balance: RaceCell::named("balance", 100) })
    }
}

fn move_money(from: &Account, to: &Account, amount: i64) {
    from.balance.update(|b| b - amount);
    to.balance.update(|b| b + amount);
}

fn racy(from: &Account, to: &Account) {
    move_money(from, to, 1);
}

fn inverted(from: &Account, to: &Account) {
    let _from = from.mu.guard();
    let _to = to.mu.guard();
    move_money(from, to, 1);
}

fn right(from: &Account, to: &Account) {
    let (first, second) = if from.number < to.number { (from, to) } else { (to, from) };
    let _first = first.mu.guard();
    let _second = second.mu.guard();
    move_money(from, to, 1);
}

fn main() {
    let (transfer, together): (fn(&Account, &Account), bool) = match std::env::args().nth(1).as_deref() {
        Some("racy") => (racy, true),
        // One after the other: it does not deadlock in this run, and is told all the same.
        Some("inverted") => (inverted, false),
        Some("right") => (right, true),
        _ => panic!("say racy, inverted or right"),
    };
    let (a, b, wg) = (Account::new(1), Account::new(2), WaitGroup::new());
    for (from, to) in [(a.clone(), b.clone()), (b.clone(), a.clone())] {
        wg.go(move || (0..10).for_each(|_| transfer(&from, &to)));
        if !together {
            wg.wait();
        }
    }
    wg.wait();
    println!("there are {} of 200", a.balance.get() + b.balance.get());
}
