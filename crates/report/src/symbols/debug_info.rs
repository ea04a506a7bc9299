//! Functions, inlined calls and lines from DWARF, versions 2 to 5.
//!
//! Memory is the matter here: the reader lives in the program under test, and debug info of hundreds
//! of megabytes is usual. So there are two levels:
//! - what is kept for the whole file: the offset of each unit and the address ranges that it covers,
//!   neighbouring ranges of one unit merged, from `.debug_aranges` or, for units that are not in
//!   there, from the root of the unit;
//! - what is kept for a unit that a lookup touched ([`UnitIndex`]): where the functions begin and end
//!   and the decoded line table. These are forgotten, the longest unused first, above a limit.
//!
//! Trees of entries are never built. The entry of the one function that covers an address is read
//! where it lies, each time.
//!
//! Broken debug info gives less, never a panic: an error ends the part in which it occurs.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem::size_of;

use gimli::{
    Abbreviations, AttributeValue, DebugInfoOffset, Dwarf, EndianSlice, LineProgramHeader, LittleEndian,
    SectionId, Unit, UnitOffset,
};

use super::Limits;
use super::elf::{Elf, SectionBytes};
use super::names::{demangle, number_closure};

type Bytes<'a> = EndianSlice<'a, LittleEndian>;
type Attributes<'a> = AttributeValue<Bytes<'a>>;

/// Sections that a lookup reads.
const SECTIONS: [SectionId; 11] = [
    SectionId::DebugAbbrev,
    SectionId::DebugAddr,
    SectionId::DebugAranges,
    SectionId::DebugInfo,
    SectionId::DebugLine,
    SectionId::DebugLineStr,
    SectionId::DebugRanges,
    SectionId::DebugRngLists,
    SectionId::DebugStr,
    SectionId::DebugStrOffsets,
    SectionId::DebugTypes,
];

/// Bounds for a single unit, far above what a compiler makes of one crate.
const MOST_ROWS: usize = 4 << 20;
const MOST_FUNCTIONS: usize = 1 << 20;

/// How far a chain of references from an entry to the one with its name is followed.
const LONGEST_CHAIN: usize = 8;

/// How many calls inlined into each other are told for one address.
const MOST_INLINED: usize = 64;

/// A place in the source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub file: Option<String>,
    pub line: u32,
    pub column: u32,
}

/// A function's name, demangled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// With its path, from the name that the linker sees.
    Full(String),
    /// As it stands in the source. All there is in debug info with lines only, and for C.
    Short(String),
}

impl Name {
    pub fn into_text(self) -> String {
        match self {
            Name::Full(text) | Name::Short(text) => text,
        }
    }
}

/// A call that covers an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub function: Option<Name>,
    pub place: Place,
    pub inlined: bool,
}

/// The debug info of one file.
pub(super) struct DebugInfo<'data> {
    sections: Vec<(SectionId, Cow<'data, [u8]>)>,
    /// Of every unit, in ascending order.
    units: Vec<DebugInfoOffset>,
    ranges: Vec<UnitRange>,
    cache: Cache,
}

impl<'data> DebugInfo<'data> {
    /// `None` if the file has no debug info that can be used.
    pub fn load(elf: &Elf<'data>, limits: Limits) -> Option<Self> {
        let mut room = limits.decompressed;
        let mut sections = Vec::new();
        for id in SECTIONS {
            if let Some(bytes) = elf.section(id.name()).and_then(|section| unpack(section, &mut room)) {
                sections.push((id, bytes));
            }
        }
        if !sections.iter().any(|(id, bytes)| *id == SectionId::DebugInfo && !bytes.is_empty()) {
            return None;
        }
        let dwarf = dwarf(&sections);
        let units = unit_offsets(&dwarf);
        let ranges = unit_ranges(&dwarf, &units);
        Some(DebugInfo { sections, units, ranges, cache: Cache::new(limits.units) })
    }

    /// The calls that cover an address, innermost first; empty if no unit has anything to say.
    pub fn calls_at(&mut self, address: u64) -> Vec<Call> {
        let dwarf = dwarf(&self.sections);
        let units = &self.units;
        for unit in units_at(&self.ranges, address) {
            let Some(&offset) = units.get(unit as usize) else { continue };
            let Some(index) = self.cache.get(unit, || UnitIndex::read(&dwarf, offset)) else { continue };
            let calls = index.calls_at(&dwarf, units, offset, address);
            if let Some(calls) = calls.filter(|calls| !calls.is_empty()) {
                return calls;
            }
        }
        Vec::new()
    }
}

/// The bytes of a section, unpacked if need be and if there is room left.
fn unpack<'data>(section: SectionBytes<'data>, room: &mut usize) -> Option<Cow<'data, [u8]>> {
    let (packed, size) = match section {
        SectionBytes::Plain(bytes) => return Some(Cow::Borrowed(bytes)),
        SectionBytes::Zlib { packed, size } => (packed, usize::try_from(size).ok()?),
    };
    *room = room.checked_sub(size)?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(size).ok()?;
    bytes.resize(size, 0);
    let written =
        miniz_oxide::inflate::decompress_slice_iter_to_slice(&mut bytes, [packed].into_iter(), true, true);
    (written == Ok(size)).then_some(Cow::Owned(bytes))
}

fn dwarf<'a>(sections: &'a [(SectionId, Cow<'_, [u8]>)]) -> Dwarf<Bytes<'a>> {
    let section = |wanted: SectionId| {
        let bytes = sections.iter().find(|(id, _)| *id == wanted).map_or(&[][..], |(_, bytes)| bytes);
        Ok::<_, core::convert::Infallible>(EndianSlice::new(bytes, LittleEndian))
    };
    match Dwarf::load(section) {
        Ok(dwarf) => dwarf,
        Err(never) => match never {},
    }
}

fn unit_offsets(dwarf: &Dwarf<Bytes<'_>>) -> Vec<DebugInfoOffset> {
    let mut offsets = Vec::new();
    let mut headers = dwarf.units();
    while let Ok(Some(header)) = headers.next() {
        offsets.extend(header.debug_info_offset());
    }
    offsets
}

/// Addresses that a unit covers.
#[derive(Clone, Copy, Debug)]
struct UnitRange {
    begin: u64,
    end: u64,
    /// The largest `end` up to here: where looking back may stop.
    max_end: u64,
    /// Number of the unit in [`DebugInfo::units`].
    unit: u32,
}

fn unit_ranges(dwarf: &Dwarf<Bytes<'_>>, units: &[DebugInfoOffset]) -> Vec<UnitRange> {
    let mut ranges = Vec::new();
    let mut told = alloc::vec![false; units.len()];
    let mut tables = dwarf.debug_aranges.headers();
    while let Ok(Some(table)) = tables.next() {
        let Ok(unit) = units.binary_search(&table.debug_info_offset()) else { continue };
        let mut entries = table.entries();
        while let Ok(Some(entry)) = entries.next() {
            told[unit] = true;
            push_range(&mut ranges, unit, entry.range());
        }
    }
    for (unit, &offset) in units.iter().enumerate().filter(|(unit, _)| !told[*unit]) {
        // A unit that can't be read covers nothing.
        let _ = root_ranges(dwarf, offset, &mut |range| push_range(&mut ranges, unit, range));
    }
    ranges.sort_unstable_by_key(|range| (range.begin, range.end));
    // Functions of one unit mostly lie together. The gaps that this closes hold no code of another unit.
    ranges.dedup_by(|next, kept| {
        let same = next.unit == kept.unit;
        if same {
            kept.end = kept.end.max(next.end);
        }
        same
    });
    ranges.shrink_to_fit();
    let mut max_end = 0;
    for range in &mut ranges {
        max_end = max_end.max(range.end);
        range.max_end = max_end;
    }
    ranges
}

fn push_range(ranges: &mut Vec<UnitRange>, unit: usize, range: gimli::Range) {
    let Ok(unit) = u32::try_from(unit) else { return };
    if !is_code(range) {
        return;
    }
    // Keeps the list short while it grows: compilers write a unit's functions in the linker's order.
    match ranges.last_mut() {
        Some(last) if last.unit == unit && last.end == range.begin => last.end = range.end,
        _ => ranges.push(UnitRange { begin: range.begin, end: range.end, max_end: 0, unit }),
    }
}

/// Whether the range is one of code that is still there: the linker sets the address of functions
/// that it threw away to 0, 1 or -1.
fn is_code(range: gimli::Range) -> bool {
    range.begin > 1 && range.begin < range.end
}

fn root_ranges(
    dwarf: &Dwarf<Bytes<'_>>,
    offset: DebugInfoOffset,
    each: &mut dyn FnMut(gimli::Range),
) -> gimli::Result<()> {
    let unit = dwarf.unit(dwarf.unit_header(offset)?)?;
    let mut entries = unit.entries_raw(None)?;
    let Some(root) = entries.read_abbreviation()? else { return Ok(()) };
    let mut entry = Entry::default();
    entry.read(&mut entries, root.attributes())?;
    entry.each_range(dwarf, &unit, each)
}

/// The units that cover an address, the one that begins last before it first.
fn units_at(ranges: &[UnitRange], address: u64) -> impl Iterator<Item = u32> + '_ {
    let end = ranges.partition_point(|range| range.begin <= address);
    ranges[..end]
        .iter()
        .rev()
        .take_while(move |range| address < range.max_end)
        .filter(move |range| address < range.end)
        .map(|range| range.unit)
}

/// The attributes of an entry that matter here.
#[derive(Default)]
struct Entry<'a> {
    low_pc: Option<Attributes<'a>>,
    high_pc: Option<Attributes<'a>>,
    ranges: Option<Attributes<'a>>,
    linkage_name: Option<Attributes<'a>>,
    name: Option<Attributes<'a>>,
    /// The entry that has what this one lacks.
    origin: Option<Attributes<'a>>,
    call_file: u64,
    call_line: u64,
    call_column: u64,
}

impl<'a> Entry<'a> {
    /// Takes over the attributes of the entry whose abbreviation was read last.
    fn read(
        &mut self,
        entries: &mut gimli::EntriesRaw<'_, Bytes<'a>>,
        attributes: &[gimli::AttributeSpecification],
    ) -> gimli::Result<()> {
        *self = Entry::default();
        for specification in attributes {
            let attribute = entries.read_attribute(*specification)?;
            let value = attribute.value();
            let number = attribute.udata_value().unwrap_or(0);
            match attribute.name() {
                gimli::DW_AT_low_pc => self.low_pc = Some(value),
                gimli::DW_AT_high_pc => self.high_pc = Some(value),
                gimli::DW_AT_ranges => self.ranges = Some(value),
                gimli::DW_AT_linkage_name | gimli::DW_AT_MIPS_linkage_name => self.linkage_name = Some(value),
                gimli::DW_AT_name => self.name = Some(value),
                gimli::DW_AT_abstract_origin | gimli::DW_AT_specification => self.origin = Some(value),
                gimli::DW_AT_call_file => {
                    self.call_file = match value {
                        AttributeValue::FileIndex(index) => index,
                        _ => number,
                    };
                }
                gimli::DW_AT_call_line => self.call_line = number,
                gimli::DW_AT_call_column => self.call_column = number,
                _ => {}
            }
        }
        Ok(())
    }

    fn each_range(
        &self,
        dwarf: &Dwarf<Bytes<'a>>,
        unit: &Unit<Bytes<'a>>,
        each: &mut dyn FnMut(gimli::Range),
    ) -> gimli::Result<()> {
        if let Some(ranges) = self.ranges {
            if let Some(mut list) = dwarf.attr_ranges(unit, ranges)? {
                while let Some(range) = list.next()? {
                    if is_code(range) {
                        each(range);
                    }
                }
            }
            return Ok(());
        }
        let (Some(low), Some(high)) = (self.low_pc, self.high_pc) else { return Ok(()) };
        let Some(begin) = dwarf.attr_address(unit, low)? else { return Ok(()) };
        let end = match dwarf.attr_address(unit, high)? {
            Some(end) => end,
            // From version 4 on mostly the size.
            None => begin.saturating_add(high.udata_value().unwrap_or(0)),
        };
        let range = gimli::Range { begin, end };
        if is_code(range) {
            each(range);
        }
        Ok(())
    }

    fn covers(&self, dwarf: &Dwarf<Bytes<'a>>, unit: &Unit<Bytes<'a>>, address: u64) -> bool {
        let mut found = false;
        // A list that breaks off covers what it named up to there.
        let _ =
            self.each_range(dwarf, unit, &mut |range| found |= (range.begin..range.end).contains(&address));
        found
    }
}

/// What is kept of a unit that a lookup touched.
struct UnitIndex {
    abbreviations: Arc<Abbreviations>,
    /// By address.
    functions: Vec<FunctionRange>,
    /// By address.
    sequences: Vec<Sequence>,
    rows: Vec<Row>,
}

#[derive(Clone, Copy)]
struct FunctionRange {
    begin: u64,
    end: u64,
    entry: UnitOffset,
}

/// A piece of code without gaps, with a part of [`UnitIndex::rows`].
#[derive(Clone, Copy)]
struct Sequence {
    begin: u64,
    end: u64,
    first_row: u32,
    rows: u32,
}

/// The code from here to the next row belongs to this place.
#[derive(Clone, Copy)]
struct Row {
    /// From the beginning of the sequence.
    offset: u32,
    line: u32,
    file: u32,
    column: u16,
}

impl UnitIndex {
    fn read(dwarf: &Dwarf<Bytes<'_>>, offset: DebugInfoOffset) -> Option<Self> {
        let unit = dwarf.unit(dwarf.unit_header(offset).ok()?).ok()?;
        let mut index = UnitIndex {
            abbreviations: unit.abbreviations.clone(),
            functions: Vec::new(),
            sequences: Vec::new(),
            rows: Vec::new(),
        };
        // What was read before an error is as good as if the rest were not there.
        let _ = index.read_functions(dwarf, &unit);
        let _ = index.read_lines(&unit);
        index.functions.sort_unstable_by_key(|function| (function.begin, function.end));
        index.functions.shrink_to_fit();
        index.sequences.sort_unstable_by_key(|sequence| sequence.begin);
        index.sequences.shrink_to_fit();
        index.rows.shrink_to_fit();
        Some(index)
    }

    fn read_functions<'a>(&mut self, dwarf: &Dwarf<Bytes<'a>>, unit: &Unit<Bytes<'a>>) -> gimli::Result<()> {
        let mut entries = unit.entries_raw(None)?;
        let mut entry = Entry::default();
        while !entries.is_empty() && self.functions.len() < MOST_FUNCTIONS {
            let offset = entries.next_offset();
            let Some(abbreviation) = entries.read_abbreviation()? else { continue };
            if abbreviation.tag() != gimli::DW_TAG_subprogram {
                entries.skip_attributes(abbreviation.attributes())?;
                continue;
            }
            entry.read(&mut entries, abbreviation.attributes())?;
            let functions = &mut self.functions;
            entry.each_range(dwarf, unit, &mut |range| {
                functions.push(FunctionRange { begin: range.begin, end: range.end, entry: offset });
            })?;
        }
        Ok(())
    }

    fn read_lines(&mut self, unit: &Unit<Bytes<'_>>) -> gimli::Result<()> {
        let Some(program) = unit.line_program.clone() else { return Ok(()) };
        let mut rows = program.rows();
        let mut begin = None;
        let mut first_row = 0;
        while let Some((_, row)) = rows.next_row()? {
            let start = *begin.get_or_insert(row.address());
            if row.end_sequence() {
                begin = None;
                let count = self.rows.len() - first_row;
                let range = gimli::Range { begin: start, end: row.address() };
                match (u32::try_from(first_row), u32::try_from(count)) {
                    (Ok(first_row), Ok(rows)) if is_code(range) && rows > 0 => {
                        let (begin, end) = (range.begin, range.end);
                        self.sequences.push(Sequence { begin, end, first_row, rows });
                    }
                    _ => self.rows.truncate(first_row),
                }
                first_row = self.rows.len();
                if first_row >= MOST_ROWS {
                    return Ok(());
                }
                continue;
            }
            let Some(offset) = row.address().checked_sub(start).and_then(|offset| u32::try_from(offset).ok())
            else {
                continue;
            };
            let column = match row.column() {
                gimli::ColumnType::LeftEdge => 0,
                gimli::ColumnType::Column(column) => u16::try_from(column.get()).unwrap_or(0),
            };
            let new = Row {
                offset,
                line: row.line().map_or(0, |line| narrow(line.get())),
                file: narrow(row.file_index()),
                column,
            };
            // Of several rows for one address the last one holds.
            match self.rows[first_row..].last_mut() {
                Some(last) if last.offset == offset => *last = new,
                _ => self.rows.push(new),
            }
        }
        Ok(())
    }

    /// Bytes that this index takes, near enough for the cache's limit.
    fn size(&self) -> usize {
        // The abbreviations can't be measured; a few hundred of them, each with a few attributes.
        const ABBREVIATIONS: usize = 32 << 10;
        ABBREVIATIONS
            + self.functions.len() * size_of::<FunctionRange>()
            + self.sequences.len() * size_of::<Sequence>()
            + self.rows.len() * size_of::<Row>()
    }

    fn function_at(&self, address: u64) -> Option<FunctionRange> {
        let end = self.functions.partition_point(|function| function.begin <= address);
        let function = *self.functions.get(end.checked_sub(1)?)?;
        (address < function.end).then_some(function)
    }

    /// The row that covers an address, with the line of the last row before it in the same file if it
    /// has none: such code was made by the compiler for what stands there. Never from before `begin`.
    fn row_at(&self, address: u64, begin: u64) -> Option<Row> {
        let end = self.sequences.partition_point(|sequence| sequence.begin <= address);
        let sequence = *self.sequences.get(end.checked_sub(1)?)?;
        if address >= sequence.end {
            return None;
        }
        let first = sequence.first_row as usize;
        let rows = self.rows.get(first..first.checked_add(sequence.rows as usize)?)?;
        let rows = &rows[..rows.partition_point(|row| u64::from(row.offset) <= address - sequence.begin)];
        let own = *rows.last()?;
        if own.line != 0 {
            return Some(own);
        }
        let before = rows
            .iter()
            .rev()
            .take_while(|row| sequence.begin + u64::from(row.offset) >= begin)
            .find(|row| row.line != 0 && row.file == own.file);
        before.copied().or(Some(own))
    }

    fn calls_at(
        &self,
        dwarf: &Dwarf<Bytes<'_>>,
        units: &[DebugInfoOffset],
        offset: DebugInfoOffset,
        address: u64,
    ) -> Option<Vec<Call>> {
        let header = dwarf.unit_header(offset).ok()?;
        let unit = Unit::new_with_abbreviations(dwarf, header, self.abbreviations.clone()).ok()?;
        let names = Names { dwarf, units };
        let function = self.function_at(address);
        let row = self.row_at(address, function.map_or(0, |function| function.begin));
        let innermost = row.map_or_else(Place::default, |row| Place {
            file: file_name(dwarf, &unit, u64::from(row.file)),
            line: row.line,
            column: row.column.into(),
        });
        let Some(function) = function else {
            // Debug info with lines only: the symbol table has the name.
            let call = Call { function: None, place: innermost, inlined: false };
            return row.is_some().then(|| alloc::vec![call]);
        };
        let mut calls = Vec::new();
        let mut place = innermost;
        for inlined in inlined_at(dwarf, &unit, function.entry, address).into_iter().rev() {
            let line = Place {
                file: file_name(dwarf, &unit, inlined.call_file),
                line: narrow(inlined.call_line),
                column: narrow(inlined.call_column),
            };
            let name = names.of_entry(&unit, &inlined, LONGEST_CHAIN);
            calls.push(Call { function: name, place: core::mem::replace(&mut place, line), inlined: true });
        }
        calls.push(Call { function: names.at(&unit, function.entry, LONGEST_CHAIN), place, inlined: false });
        Some(calls)
    }
}

fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

/// The inlined calls below a function's entry that cover an address, outermost first.
fn inlined_at<'a>(
    dwarf: &Dwarf<Bytes<'a>>,
    unit: &Unit<Bytes<'a>>,
    function: UnitOffset,
    address: u64,
) -> Vec<Entry<'a>> {
    let mut found = Vec::new();
    let mut read = || -> gimli::Result<()> {
        let mut entries = unit.entries_raw(Some(function))?;
        let mut is_function = true;
        while !entries.is_empty() && (is_function || entries.next_depth() > 0) && found.len() < MOST_INLINED {
            let Some(abbreviation) = entries.read_abbreviation()? else { continue };
            if abbreviation.tag() == gimli::DW_TAG_inlined_subroutine {
                let mut entry = Entry::default();
                entry.read(&mut entries, abbreviation.attributes())?;
                // A call lies within its caller, so that all that cover the address are nested.
                if entry.covers(dwarf, unit, address) {
                    found.push(entry);
                }
            } else {
                entries.skip_attributes(abbreviation.attributes())?;
            }
            is_function = false;
        }
        Ok(())
    };
    // What was found before an error is still right.
    let _ = read();
    found
}

/// Finds names of entries, in other units too.
struct Names<'d, 'a> {
    dwarf: &'d Dwarf<Bytes<'a>>,
    units: &'d [DebugInfoOffset],
}

impl<'a> Names<'_, 'a> {
    fn at(&self, unit: &Unit<Bytes<'a>>, offset: UnitOffset, chain: usize) -> Option<Name> {
        let mut entries = unit.entries_raw(Some(offset)).ok()?;
        let abbreviation = entries.read_abbreviation().ok()??;
        let mut entry = Entry::default();
        entry.read(&mut entries, abbreviation.attributes()).ok()?;
        self.of_entry(unit, &entry, chain)
    }

    fn of_entry(&self, unit: &Unit<Bytes<'a>>, entry: &Entry<'a>, chain: usize) -> Option<Name> {
        let text = |value: Option<Attributes<'a>>| self.dwarf.attr_string(unit, value?).ok();
        let short_name = text(entry.name).map(|name| name.to_string_lossy());
        if let Some(name) = text(entry.linkage_name) {
            let mut name = demangle(&name.to_string_lossy());
            if let Some(short_name) = &short_name {
                number_closure(&mut name, short_name);
            }
            return Some(Name::Full(name));
        }
        // Only a name that the linker does not see, mostly of C, or one that was kept with `no_mangle`.
        self.of_origin(unit, entry.origin, chain)
            .or_else(|| short_name.map(|name| Name::Short(demangle(&name))))
    }

    fn of_origin(
        &self,
        unit: &Unit<Bytes<'a>>,
        origin: Option<Attributes<'a>>,
        chain: usize,
    ) -> Option<Name> {
        let chain = chain.checked_sub(1)?;
        match origin? {
            AttributeValue::UnitRef(offset) => self.at(unit, offset, chain),
            AttributeValue::DebugInfoRef(offset) => {
                let after = self.units.partition_point(|unit| *unit <= offset);
                let header = self.dwarf.unit_header(*self.units.get(after.checked_sub(1)?)?).ok()?;
                let offset = offset.to_unit_offset(&header)?;
                let unit = self.dwarf.unit(header).ok()?;
                self.at(&unit, offset, chain)
            }
            _ => None,
        }
    }
}

/// Path of a file of the unit's line table, joined with the directories that it is relative to.
fn file_name(dwarf: &Dwarf<Bytes<'_>>, unit: &Unit<Bytes<'_>>, index: u64) -> Option<String> {
    let header: &LineProgramHeader<_> = unit.line_program.as_ref()?.header();
    let file = header.file(index)?;
    let mut path = String::new();
    if let Some(directory) = unit.comp_dir {
        path.push_str(&directory.to_string_lossy());
    }
    // Directory 0 is the compilation directory, which is there already; from version 5 on it is
    // listed, and joining it once more does no harm.
    if let Some(directory) = file.directory(header) {
        join(&mut path, &dwarf.attr_string(unit, directory).ok()?.to_string_lossy());
    }
    join(&mut path, &dwarf.attr_string(unit, file.path_name()).ok()?.to_string_lossy());
    Some(path)
}

/// Appends a relative path, or takes an absolute one instead; `.` and `..` are resolved by their text.
fn join(path: &mut String, next: &str) {
    if next.starts_with('/') {
        path.clear();
        path.push('/');
    }
    for part in next.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." && path == "/" {
            continue;
        }
        if part == ".." {
            let parent = path.trim_end_matches('/').rfind('/');
            let last = path.rsplit('/').next().unwrap_or("");
            if let (Some(parent), false) = (parent, last == "..") {
                path.truncate(parent.max(1));
                continue;
            }
        }
        if !path.is_empty() && !path.ends_with('/') {
            path.push('/');
        }
        path.push_str(part);
    }
}

/// The units that were touched, within a limit.
struct Cache {
    units: Vec<CachedUnit>,
    /// Most bytes that the units may take together; the one in use is kept whatever it takes.
    limit: usize,
    /// Counts lookups, to tell what was used last.
    now: u64,
}

struct CachedUnit {
    unit: u32,
    index: UnitIndex,
    used: u64,
}

impl Cache {
    fn new(limit: usize) -> Self {
        Cache { units: Vec::new(), limit, now: 0 }
    }

    fn get(&mut self, unit: u32, read: impl FnOnce() -> Option<UnitIndex>) -> Option<&UnitIndex> {
        self.now += 1;
        let at = match self.units.iter().position(|cached| cached.unit == unit) {
            Some(at) => at,
            None => {
                let index = read()?;
                self.make_room(index.size());
                self.units.push(CachedUnit { unit, index, used: 0 });
                self.units.len() - 1
            }
        };
        let cached = self.units.get_mut(at)?;
        cached.used = self.now;
        Some(&cached.index)
    }

    fn make_room(&mut self, size: usize) {
        while self.units.iter().map(|cached| cached.index.size()).sum::<usize>() + size > self.limit {
            let oldest = self.units.iter().enumerate().min_by_key(|(_, cached)| cached.used);
            let Some((oldest, _)) = oldest else { return };
            self.units.swap_remove(oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn joined(path: &str, next: &str) -> String {
        let mut path = path.to_string();
        join(&mut path, next);
        path
    }

    #[test]
    fn paths_are_joined_by_their_text() {
        assert_eq!(joined("/ws", "src/main.rs"), "/ws/src/main.rs");
        assert_eq!(joined("/ws", "./src/../lib/a.rs"), "/ws/lib/a.rs");
        assert_eq!(joined("/ws", "/abs/a.rs"), "/abs/a.rs");
        assert_eq!(joined("/ws", "../../a.rs"), "/a.rs");
        assert_eq!(joined("", "src/a.rs"), "src/a.rs");
        assert_eq!(joined("", "../a.rs"), "../a.rs");
        assert_eq!(joined("..", "../a.rs"), "../../a.rs");
    }

    #[test]
    fn overlapping_units_are_all_found() {
        let range = |begin, end, max_end, unit| UnitRange { begin, end, max_end, unit };
        let ranges = [range(10, 100, 100, 0), range(20, 30, 100, 1), range(40, 50, 100, 2)];
        let at = |address| units_at(&ranges, address).collect::<Vec<_>>();
        assert_eq!(at(25), [1, 0]);
        assert_eq!(at(60), [0]);
        assert!(at(5).is_empty());
        assert!(at(100).is_empty());
    }
}
