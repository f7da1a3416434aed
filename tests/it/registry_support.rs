//! What the registry's and the cards' stories share: a small union in its own database.

use std::io::Cursor;

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use harness::TestDatabase;
use union_registry::imports::{self, Created, ImportError, Report};
use union_registry::members::Member;
use union_registry::sealing::Sealer;

/// The columns of a members' file.
pub const HEADER: &str = "membership_number,organisation_code,last_name,first_name,middle_name,sex,birth_date,phone,\
                          email,category,position,joined_on,consent_on\n";

/// A union in its own database.
pub struct Union {
    pub connection: PgConnection,
    pub sealer: Sealer,
    pub now: DateTime<Utc>,
    /// Kept so that the database lives as long as its connection.
    _database: TestDatabase,
}

/// A refused row: its line, its reasons, its cells.
pub type RefusedRow = (u64, Vec<String>, Vec<String>);

impl Union {
    /// Without anybody.
    pub fn empty() -> Self {
        let database = harness::database();
        Self {
            connection: database.connect(),
            sealer: Sealer::new(&[7; 32]),
            now: "2026-11-21T09:00:00Z".parse().unwrap(),
            _database: database,
        }
    }

    /// A centre, two regions, a territory and three primary organisations; children first.
    pub fn with_organisations() -> Self {
        let mut union = Self::empty();
        let file = "code,name,kind,parent_code,inn,region_code\n\
                    P-1,Школа № 1,primary,T-1,7707049388,77\nP-2,Школа № 2,primary,T-1,7707049388,77\n\
                    P-3,Школа № 3,primary,R-2,,78\nT-1,Городская,territorial,R-1,,77\n\
                    R-1,Первая область,regional,C-0,,77\nR-2,Вторая_область 100%,regional,C-0,,78\n\
                    C-0,Центральный совет,central,,,77\n";
        let (report, refused) = union.organisations(file.as_bytes()).unwrap();
        assert_eq!((report.read, report.created, refused.len()), (7, 7, 0), "{report:?} {refused:?}");
        union
    }

    pub fn organisations(&mut self, file: &[u8]) -> Result<(Report, Vec<RefusedRow>), ImportError> {
        let mut refused = Vec::new();
        let report = imports::organisations(
            &mut self.connection,
            &mut Cursor::new(file),
            &mut |row| {
                refused.push(owned(row));
                Ok(())
            },
            self.now,
        )?;
        Ok((report, refused))
    }

    pub fn members(&mut self, file: &[u8]) -> Result<(Report, Created, Vec<RefusedRow>), ImportError> {
        let mut refused = Vec::new();
        let (report, created) = imports::members(
            &mut self.connection,
            (&self.sealer, None),
            &mut Cursor::new(file),
            &mut |row| {
                refused.push(owned(row));
                Ok(())
            },
            self.now,
        )?;
        Ok((report, created, refused))
    }

    /// A member by membership number.
    pub fn member(&mut self, number: &str) -> Member {
        let found =
            union_registry::members::ids_by_numbers(&mut self.connection, &[number.to_owned()]).unwrap();
        union_registry::members::find(&mut self.connection, found[0].1).unwrap()
    }
}

fn owned(row: imports::Rejected<'_>) -> RefusedRow {
    (
        row.line,
        row.reasons.iter().map(|reason| (*reason).to_owned()).collect(),
        row.cells.iter().map(|cell| (*cell).to_owned()).collect(),
    )
}

/// A member's row of a file.
pub fn row(number: &str, organisation: &str, last_name: &str) -> String {
    format!(
        "{number},{organisation},{last_name},Анна,Ивановна,female,1980-05-01,8 900 000-{}-{},{}@example.org,worker,\
         учитель,2019-09-01,2020-12-01\n",
        &number[number.len() - 4..number.len() - 2],
        &number[number.len() - 2..],
        number
    )
}
