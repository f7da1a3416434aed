//! A union of any size as the two files a real one would bring: the same sizes, the same bytes.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

const SURNAMES: [&str; 12] = [
    "Иванов",
    "Смирнов",
    "Кузнецов",
    "Попов",
    "Васильев",
    "Петров",
    "Соколов",
    "Фёдоров",
    "Морозов",
    "Волков",
    "Лебедев",
    "Семёнов",
];
const WOMEN: [&str; 8] = ["Елена", "Татьяна", "Наталья", "Ольга", "Ирина", "Анна", "Светлана", "Мария"];
const MEN: [&str; 6] = ["Александр", "Сергей", "Дмитрий", "Андрей", "Алексей", "Максим"];
const FATHERS: [&str; 7] =
    ["Александров", "Сергеев", "Дмитриев", "Андреев", "Евгеньев", "Иванов", "Михайлов"];
const POSITIONS: [&str; 5] = ["учитель", "воспитатель", "преподаватель", "педагог-психолог", "методист"];

/// The union's root.
pub const ROOT: &str = "C-000";

/// The two files.
pub struct UnionFiles {
    /// `organisations.csv`
    pub organisations: PathBuf,
    /// `members.csv`
    pub members: PathBuf,
}

/// Writes them into a folder: one central organisation, 81 regional, 2,600 territorial, the rest primary (fewer of each
/// in a smaller union), and members spread over the primary ones.
pub fn write(folder: &Path, organisations: usize, members: usize) -> UnionFiles {
    let files =
        UnionFiles { organisations: folder.join("organisations.csv"), members: folder.join("members.csv") };
    let primary = write_organisations(&files.organisations, organisations).expect("the folder is writable");
    write_members(&files.members, members, primary).expect("the folder is writable");
    files
}

/// How many primary organisations there are.
fn write_organisations(path: &Path, count: usize) -> std::io::Result<usize> {
    let mut file = BufWriter::new(File::create(path)?);
    let regional = (count / 20).clamp(1, 81);
    let territorial = (count / 25).clamp(regional, 2_600);
    let primary = count - 1 - regional - territorial;
    writeln!(file, "code,name,kind,parent_code,inn,region_code")?;
    writeln!(file, "{ROOT},Центральный Совет профсоюза,central,,{},77", inn(0))?;
    for i in 0..regional {
        let region = i % 89 + 1;
        let name = format!("Региональная организация № {}", i + 1);
        writeln!(file, "R-{:03},{name},regional,{ROOT},{},{region:02}", i + 1, inn(i + 1))?;
    }
    for i in 0..territorial {
        let (above, region) = (i % regional + 1, i % regional % 89 + 1);
        let name = format!("Территориальная организация № {}", i + 1);
        writeln!(file, "T-{:05},{name},territorial,R-{above:03},{},{region:02}", i + 1, inn(i + 100))?;
    }
    for i in 0..primary {
        let above = i % territorial;
        let region = above % regional % 89 + 1;
        let name = format!("Первичная организация школы № {}", i + 1);
        let inn = inn(i + 10_000);
        writeln!(file, "P-{:06},{name},primary,T-{:05},{inn},{region:02}", i + 1, above + 1)?;
    }
    file.flush()?;
    Ok(primary)
}

fn write_members(path: &Path, count: usize, primary: usize) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(
        file,
        "membership_number,organisation_code,last_name,first_name,middle_name,sex,birth_date,phone,email,category,\
         position,joined_on,consent_on"
    )?;
    for n in 0..count {
        let dice = scattered(n);
        let woman = dice % 100 < 78;
        let (last, father) = (of(&SURNAMES, dice >> 8), of(&FATHERS, dice >> 16));
        let (first, ending, patronymic, sex) = if woman {
            (of(&WOMEN, dice >> 24), "а", "на", "female")
        } else {
            (of(&MEN, dice >> 24), "", "ич", "male")
        };
        let (category, position, born) = match dice >> 32 & 15 {
            0..=10 => ("worker", of(&POSITIONS, dice >> 36), 1960 + (dice >> 40) % 40),
            11..=13 => ("student", "", 2000 + (dice >> 40) % 4),
            14 => ("pensioner", "", 1940 + (dice >> 40) % 20),
            _ => ("", "", 1955 + (dice >> 40) % 45),
        };
        let (month, day) = ((dice >> 44) % 12 + 1, (dice >> 48) % 28 + 1);
        let organisation = n * 7_919 % primary + 1;
        let number = n + 1;
        writeln!(
            file,
            "{number:09},P-{organisation:06},{last}{ending},{first},{father}{patronymic},{sex},\
             {born}-{month:02}-{day:02},+79{n:09},member{number}@example.org,{category},{position},\
             {}-{month:02}-{day:02},2020-12-01",
            2018 + (dice >> 56) % 2
        )?;
    }
    file.flush()
}

/// Bits that look like chance and are the same each time (the last step of splitmix64).
fn scattered(n: usize) -> usize {
    let mut bits = (n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (bits ^ (bits >> 31)) as usize
}

fn of<'a>(words: &[&'a str], dice: usize) -> &'a str {
    words[dice % words.len()]
}

/// A taxpayer number of ten digits with its check digit.
fn inn(n: usize) -> String {
    let body = format!("{:09}", 100_000_000 + n * 7_919 % 800_000_000);
    let weights = [2, 4, 10, 3, 5, 9, 4, 6, 8];
    let sum: u32 = body
        .chars()
        .zip(weights)
        .map(|(digit, weight)| digit.to_digit(10).unwrap_or_default() * weight)
        .sum();
    format!("{body}{}", sum % 11 % 10)
}
