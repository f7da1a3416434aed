//! Keyset pages: a page is what comes after a key, never the n-th screen of a growing list.

/// How many items a page may hold: 1 to 200.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(i64);

impl Limit {
    /// What a list gives when nothing is asked.
    pub const DEFAULT: Self = Self(50);

    /// A limit of 1 to 200; `None` outside, never clamped.
    pub fn new(items: i64) -> Option<Self> {
        (1..=200).contains(&items).then_some(Self(items))
    }

    /// The number of items.
    pub fn items(self) -> i64 {
        self.0
    }

    /// One more than the page holds: what to ask the database for, to learn whether there is a next page.
    pub fn with_lookahead(self) -> i64 {
        self.0 + 1
    }
}

/// A page of a list, and the key after which the next one starts.
#[derive(Debug, Clone)]
pub struct Page<T, K> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// The key of the last item when more follow.
    pub next: Option<K>,
}

impl<T, K> Page<T, K> {
    /// Makes a page from rows read with [`Limit::with_lookahead`].
    pub fn from_lookahead(mut rows: Vec<T>, limit: Limit, key: impl Fn(&T) -> K) -> Self {
        let full = usize::try_from(limit.0).expect("a limit is 1 to 200");
        let more = rows.len() > full;
        rows.truncate(full);
        let next = if more { rows.last().map(key) } else { None };
        Self { items: rows, next }
    }

    /// The same page with its items mapped.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U, K> {
        Page { items: self.items.into_iter().map(f).collect(), next: self.next }
    }
}
