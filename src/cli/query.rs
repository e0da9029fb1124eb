//! `query`: questions to the last night, answered so that they fit the screen, or as a file.

use std::io::{IsTerminal as _, Read as _};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array as _, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::Value;

use super::args::{Cli, Output, QueryArgs};
use super::run::company;
use super::{Console, Exit};
use crate::error::{Error, Result};
use crate::models::{Model, Row};
use crate::pipeline::{self, Company};
use crate::report::grid::Grid;
use crate::report::{counted, thousands};
use crate::state::State;

/// Answers one question.
pub(super) async fn query(cli: &Cli, args: &QueryArgs, console: &Console) -> Result<Exit> {
    let sql = text(args)?;
    let form = form(cli.output, args)?;
    let company = company(cli)?;
    let state = pipeline::state(&company).await?;
    if let Some(grid) = listed(&company, &state, &sql).await? {
        return show_list(&grid, console);
    }
    if state.published_run().is_none() {
        return Err(Error::config("nothing is published yet").hint("run a job first: tributary run nightly"));
    }
    let batches = pipeline::questions(&company, &state, &sql).await?.ask(&sql).await?;
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    match (form, &args.out) {
        (Form::Text, None) => {
            console.raw(grid(&batches)?.render(console.width()).as_bytes())?;
            console.line(counted(rows as u64, "row"))?;
        }
        (form, None) => console.raw(&encoded(form, &batches)?)?,
        (form, Some(path)) => {
            std::fs::write(path, encoded(form, &batches)?).map_err(|err| Error::from(err).at(path.display()))?;
            console.line(format!("{} written to {}", counted(rows as u64, "row"), path.display()))?;
        }
    }
    Ok(Exit::Ok)
}

/// The question: as given, from a file, or from standard input.
fn text(args: &QueryArgs) -> Result<String> {
    let from_input = || -> Result<String> {
        let mut sql = String::new();
        std::io::stdin()
            .read_to_string(&mut sql)
            .map_err(|err| Error::config("standard input is not UTF-8 text").because(err))?;
        Ok(sql)
    };
    let sql = match (&args.sql, &args.file) {
        (Some(sql), _) if sql != "-" => sql.clone(),
        (None, Some(path)) if path != Path::new("-") => crate::text_file::read(path)?,
        (None, None) if std::io::stdin().is_terminal() => String::new(),
        _ => from_input()?,
    };
    if sql.trim().is_empty() {
        return Err(Error::config("there is no question")
            .hint("tributary query \"select …\", tributary query --file FILE, or SQL on standard input; `show tables` lists the marts"));
    }
    Ok(sql)
}

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Json,
    Csv,
    Parquet,
}

fn form(output: Output, args: &QueryArgs) -> Result<Form> {
    let ending = args.out.as_deref().and_then(Path::extension).and_then(|ending| ending.to_str()).unwrap_or_default();
    let form = match (output, ending) {
        (Output::Csv, _) | (Output::Text, "csv") => Form::Csv,
        (Output::Parquet, _) | (Output::Text, "parquet") => Form::Parquet,
        (Output::Json, _) | (Output::Text, "json") => Form::Json,
        (Output::Text, _) => Form::Text,
    };
    if form == Form::Parquet && args.out.is_none() && std::io::stdout().is_terminal() {
        return Err(Error::config("Parquet is nothing for a screen").hint("name a file: --out answer.parquet"));
    }
    Ok(form)
}

fn encoded(form: Form, batches: &[RecordBatch]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let schema = batches.first().map(RecordBatch::schema);
    match (form, schema) {
        (Form::Json, _) => {
            let mut writer = arrow::json::ArrayWriter::new(&mut out);
            for batch in batches.iter().filter(|batch| batch.num_rows() > 0) {
                writer.write(batch)?;
            }
            writer.finish()?;
            if out.is_empty() {
                out.extend_from_slice(b"[]");
            }
            out.push(b'\n');
        }
        (Form::Csv, _) => {
            let mut writer = arrow::csv::WriterBuilder::new().with_header(true).build(&mut out);
            for batch in batches {
                writer.write(batch)?;
            }
        }
        (Form::Parquet, Some(schema)) => {
            let mut writer = parquet::arrow::ArrowWriter::try_new(&mut out, schema, None)?;
            for batch in batches {
                writer.write(batch)?;
            }
            writer.close()?;
        }
        (Form::Text | Form::Parquet, _) => out.extend_from_slice(grid(batches)?.render(None).as_bytes()),
    }
    Ok(out)
}

/// An answer as text.
pub(super) fn grid(batches: &[RecordBatch]) -> Result<Grid> {
    let schema: SchemaRef =
        batches.first().map_or_else(|| Arc::new(arrow::datatypes::Schema::empty()), RecordBatch::schema);
    let options = FormatOptions::default();
    let mut rows = Vec::new();
    for batch in batches {
        let columns = batch.columns();
        let written: Vec<ArrayFormatter> = columns
            .iter()
            .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
            .collect::<Result<_, _>>()?;
        for at in 0..batch.num_rows() {
            let cell = |(column, written): (&Arc<dyn arrow::array::Array>, &ArrayFormatter)| {
                column.is_valid(at).then(|| written.value(at).to_string())
            };
            rows.push(columns.iter().zip(&written).map(cell).collect());
        }
    }
    let figure = |kind: &DataType| kind.is_numeric();
    Ok(Grid {
        names: schema.fields().iter().map(|field| field.name().clone()).collect(),
        figures: schema.fields().iter().map(|field| figure(field.data_type())).collect(),
        rows,
    })
}

/// Rows of an answer by column as text.
pub(super) fn of_rows(rows: &[Row]) -> Grid {
    let mut names: Vec<String> = rows.iter().flat_map(|row| row.keys().cloned()).collect();
    names.sort();
    names.dedup();
    let cell = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    let rows = rows.iter().map(|row| names.iter().map(|name| row.get(name).and_then(cell)).collect()).collect();
    Grid { figures: vec![false; names.len()], names, rows }
}

/// The answer to `show tables` and `describe TABLE`; none to anything else.
async fn listed(company: &Company, state: &State, sql: &str) -> Result<Option<Grid>> {
    let words: Vec<String> = sql.trim().trim_end_matches(';').split_whitespace().map(str::to_string).collect();
    let lower: Vec<String> = words.iter().map(|word| word.to_ascii_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    Ok(match lower.as_slice() {
        ["show", "tables" | "marts"] => Some(marts(company, state)),
        ["describe" | "desc", _] | ["show", "columns", "from" | "in", _] => {
            let name = words.last().map(|word| word.trim_matches('"')).unwrap_or_default();
            let model = company.registry.model(name)?;
            if !model.columns().is_empty() {
                return Ok(Some(columns(model, &company.config.company.locale)));
            }
            // A step between says its columns by what it was last built as.
            let built =
                pipeline::questions(company, state, &format!("select * from {name}")).await?.columns(name).await?;
            let key = |name: &String| if model.sidecar.key.contains(name) { "key" } else { "" }.to_string();
            let lines = built.into_iter().map(|(name, kind)| vec![name.clone(), kind, key(&name)]);
            Some(Grid::texts(&["column", "type", "key"], lines))
        }
        _ => None,
    })
}

fn marts(company: &Company, state: &State) -> Grid {
    let zh = company.config.company.locale == "zh";
    let line = |model: &Model| {
        let built: Vec<_> = state.partitions_of(&model.name).collect();
        let rows: u64 = built.iter().filter_map(|made| made.file.as_ref()).map(|file| file.rows).sum();
        let rows = if built.is_empty() { None } else { Some(thousands(rows)) };
        let words = if zh { model.description_zh() } else { model.description_en() };
        vec![Some(model.name.clone()), Some(model.subject().to_string()), rows, Some(words.to_string())]
    };
    let marts = company.registry.marts().filter_map(|name| company.registry.get(name));
    Grid {
        names: ["mart", "subject", "rows", "what it tells"].map(str::to_string).to_vec(),
        figures: vec![false, false, true, false],
        rows: marts.map(line).collect(),
    }
}

fn columns(model: &Model, locale: &str) -> Grid {
    let line = |column: &crate::models::sidecar::Column| {
        let words = if locale == "zh" { &column.zh } else { &column.en };
        let key = if model.sidecar.key.contains(&column.name) { "key" } else { "" };
        vec![
            column.name.clone(),
            column.kind.to_string(),
            column.unit.clone().unwrap_or_default(),
            key.to_string(),
            words.clone(),
        ]
    };
    Grid::texts(&["column", "type", "unit", "key", "what it means"], model.columns().iter().map(line))
}

fn show_list(grid: &Grid, console: &Console) -> Result<Exit> {
    if console.json() {
        let row = |row: &Vec<Option<String>>| {
            let cells = grid.names.iter().cloned().zip(row.iter().cloned().map(serde_json::Value::from));
            serde_json::Value::Object(cells.collect())
        };
        console.document(&grid.rows.iter().map(row).collect::<Vec<_>>())?;
    } else {
        console.raw(grid.list(console.width()).as_bytes())?;
    }
    Ok(Exit::Ok)
}
