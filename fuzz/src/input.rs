//! Takes numbers and pieces from the front of an input; when it is used up, everything is zero and empty.

pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    pub fn word(&mut self) -> u64 {
        (0..8).fold(0, |word, _| word << 8 | u64::from(self.byte()))
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        let number =
            usize::from(self.byte()) << 16 | usize::from(self.byte()) << 8 | usize::from(self.byte());
        number % bound.max(1)
    }
}
