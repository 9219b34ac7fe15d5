// SPDX-License-Identifier: GPL-2.0

//! Tables for people.

use comfy_table::presets::NOTHING;
use comfy_table::CellAlignment;
use comfy_table::Table;

/// What is shown where there is nothing to show.
pub(crate) const NOTHING_THERE: &str = "-";

/// A table without rows. The columns `numbers` hold numbers.
pub(crate) fn empty(head: &[&str], numbers: &[usize]) -> Table {
    let mut table = Table::new();
    table.load_preset(NOTHING).set_header(head.to_vec());
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    for &number in numbers {
        if let Some(column) = table.column_mut(number) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// The table as text that ends with a line feed; if there is nothing in it, `nothing`.
pub(crate) fn text(table: &Table, nothing: &str) -> String {
    match table.is_empty() {
        true => format!("{nothing}\n"),
        false => format!("{}\n", table.trim_fmt()),
    }
}

/// What there is, or a dash.
pub(crate) fn or_dash(text: Option<impl ToString>) -> String {
    text.map_or_else(|| NOTHING_THERE.to_owned(), |text| text.to_string())
}

/// Several things in a row, or a dash if there are none.
pub(crate) fn list<T: ToString>(things: impl IntoIterator<Item = T>) -> String {
    let things: Vec<String> = things.into_iter().map(|thing| thing.to_string()).collect();
    match things.is_empty() {
        true => NOTHING_THERE.to_owned(),
        false => things.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_table_says_so() {
        let mut table = empty(&["A", "B"], &[1]);
        assert_eq!(text(&table, "none"), "none\n");
        table.add_row(["x".to_owned(), list(["1", "2"])]);
        assert_eq!(text(&table, "none"), "A     B\nx  1, 2\n");
        assert_eq!(list(Vec::<String>::new()), "-");
        assert_eq!(or_dash(None::<u32>), "-");
    }
}
