// Command duckdb runs SQL that it reads from its standard input, and writes each row of the last statement to its standard output, as a JSON object.
//
// It is DuckDB with a static library, and a module of its own: nobody who builds the distribution needs cgo.
package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"os"

	_ "github.com/duckdb/duckdb-go/v2" // The driver.
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	query, err := io.ReadAll(in)
	if err != nil {
		return fmt.Errorf("cannot read SQL: %w", err)
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return fmt.Errorf("cannot open database: %w", err)
	}
	defer db.Close() //nolint:errcheck // Nothing is kept.
	rows, err := db.Query(string(query))
	if err != nil {
		return fmt.Errorf("cannot query: %w", err)
	}
	defer rows.Close() //nolint:errcheck // Err tells what failed.
	return write(out, rows)
}

// write writes rows without the columns that are null.
func write(out io.Writer, rows *sql.Rows) error {
	names, err := rows.Columns()
	if err != nil {
		return fmt.Errorf("cannot read columns: %w", err)
	}
	values, targets := make([]any, len(names)), make([]any, len(names))
	for i := range values {
		targets[i] = &values[i]
	}
	lines := json.NewEncoder(out)
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return fmt.Errorf("cannot read row: %w", err)
		}
		row := make(map[string]any, len(names))
		for i, name := range names {
			if values[i] != nil {
				row[name] = values[i]
			}
		}
		if err := lines.Encode(row); err != nil {
			return fmt.Errorf("cannot write row: %w", err)
		}
	}
	return rows.Err()
}
