//! Deadlines of connections, looked at by one sweep instead of a timer each.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

/// The deadline of one connection.
#[derive(Debug)]
pub struct Clock {
    time: Rc<Time>,
    deadline: Cell<Option<Instant>>,
    fired: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

/// The time of the last sweep. Asking the system takes long, compared with the rest of a request.
#[derive(Debug)]
struct Time {
    swept: Cell<Instant>,
    /// Time between two sweeps.
    check: Duration,
}

impl Clock {
    fn new(time: Rc<Time>) -> Self {
        Self {
            time,
            deadline: Cell::default(),
            fired: Cell::default(),
            waker: RefCell::default(),
        }
    }

    /// Now or a little later, by no more than the time between two sweeps.
    pub fn now(&self) -> Instant {
        self.time.swept.get() + self.time.check
    }

    /// Fires once, `after` from now at the earliest.
    pub fn set(&self, after: Duration) {
        self.until(self.now() + after);
    }

    /// Fires once, not before `deadline`.
    pub fn until(&self, deadline: Instant) {
        self.fired.set(false);
        self.deadline.set(Some(deadline));
    }

    /// Does not fire.
    pub fn clear(&self) {
        self.fired.set(false);
        self.deadline.set(None);
    }

    /// When it fires; None when it does not.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline.get()
    }

    /// Takes up a deadline again that was put aside.
    pub fn restore(&self, deadline: Option<Instant>) {
        self.fired.set(false);
        self.deadline.set(deadline);
    }

    /// True when the deadline has passed; else the sweep wakes the task.
    pub fn fired(&self, cx: &Context<'_>) -> bool {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
        self.fired.get()
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}

/// The clocks of a thread.
#[derive(Debug)]
pub struct Clocks {
    time: Rc<Time>,
    next: Cell<u64>,
    all: RefCell<HashMap<u64, Rc<Clock>>>,
}

impl Clocks {
    /// Clocks that are swept this often.
    pub fn new(check: Duration) -> Self {
        let swept = Cell::new(Instant::now());
        Self {
            time: Rc::new(Time { swept, check }),
            next: Cell::default(),
            all: RefCell::default(),
        }
    }

    pub fn add(&self) -> (u64, Rc<Clock>) {
        let key = self.next.get();
        self.next.set(key + 1);
        let clock = Rc::new(Clock::new(Rc::clone(&self.time)));
        self.all.borrow_mut().insert(key, Rc::clone(&clock));
        (key, clock)
    }

    pub fn remove(&self, key: u64) {
        self.all.borrow_mut().remove(&key);
    }

    pub fn is_empty(&self) -> bool {
        self.all.borrow().is_empty()
    }

    pub fn sweep(&self) {
        let now = Instant::now();
        self.time.swept.set(now);
        for clock in self.all.borrow().values() {
            if clock.deadline.get().is_some_and(|deadline| deadline <= now) {
                clock.deadline.set(None);
                clock.fired.set(true);
                clock.wake();
            }
        }
    }

    /// Wakes every connection, so that it sees what has changed.
    pub fn wake_all(&self) {
        for clock in self.all.borrow().values() {
            clock.wake();
        }
    }
}
