//! Protocol revisions and the two eras they form.

/// A revision of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Revision {
    /// 2024-11-05.
    November2024,
    /// 2025-03-26.
    March2025,
    /// 2025-06-18.
    June2025,
    /// 2025-11-25.
    November2025,
    /// 2026-07-28, the first of the modern era.
    July2026,
}

impl Revision {
    /// Every revision, oldest first.
    pub const ALL: [Self; 5] = [
        Self::November2024,
        Self::March2025,
        Self::June2025,
        Self::November2025,
        Self::July2026,
    ];

    /// The revision of this name, compared byte by byte.
    #[must_use]
    pub fn of(name: &[u8]) -> Option<Self> {
        match name {
            b"2024-11-05" => Some(Self::November2024),
            b"2025-03-26" => Some(Self::March2025),
            b"2025-06-18" => Some(Self::June2025),
            b"2025-11-25" => Some(Self::November2025),
            b"2026-07-28" => Some(Self::July2026),
            _ => None,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::November2024 => "2024-11-05",
            Self::March2025 => "2025-03-26",
            Self::June2025 => "2025-06-18",
            Self::November2025 => "2025-11-25",
            Self::July2026 => "2026-07-28",
        }
    }

    /// True when every request stands alone; else requests belong to a session.
    #[must_use]
    pub const fn modern(self) -> bool {
        matches!(self, Self::July2026)
    }
}

/// True for the name of a revision of the legacy era.
#[must_use]
pub fn is_legacy(name: &[u8]) -> bool {
    Revision::of(name).is_some_and(|revision| !revision.modern())
}

/// True for the name of a revision of the modern era.
#[must_use]
pub fn is_modern(name: &[u8]) -> bool {
    Revision::of(name).is_some_and(Revision::modern)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_are_those_of_the_protocol() {
        let table = include_str!("../../../src/core/revisions.ts");
        let names = |list: &str| -> Vec<String> {
            let start = table.find(&format!("{list} = [")).expect(list);
            let text = table[start..].split_once('[').expect(list).1;
            let text = text.split_once(']').expect(list).0;
            let quoted = text.split('\'').skip(1).step_by(2);
            quoted.map(str::to_owned).collect()
        };
        let (mut legacy, mut modern) = (Vec::new(), Vec::new());
        for revision in Revision::ALL {
            assert_eq!(Revision::of(revision.name().as_bytes()), Some(revision));
            let list = if revision.modern() {
                &mut modern
            } else {
                &mut legacy
            };
            list.push(revision.name().to_owned());
        }
        assert_eq!(names("LEGACY_REVISIONS"), legacy);
        assert_eq!(names("MODERN_REVISIONS"), modern);
        assert_eq!(Revision::of(b"2026-07-28 "), None);
    }
}
