package convertflow

import (
	"strings"

	"github.com/grafana/river/ast"
)

// The blocks that the conversion knows.
const (
	sourceBlock    = "loki.source.awsfirehose"
	componentBlock = "awsfirehose.kubernetes"
	processBlock   = "loki.process"
	relabelBlock   = "loki.relabel"
	declareBlock   = "declare"
)

// scope is a body in which components can refer to each other: the file, or the
// body of a declare block.
type scope struct {
	blocks map[string][]*ast.BlockStmt // By their full names, such as loki.process.default.
	users  map[string][]user           // Of what those export.
}

// user is an expression that refers to an export.
type user struct {
	block *ast.BlockStmt // The component it belongs to, nil for none.
	value ast.Expr
}

func fullName(block *ast.BlockStmt) string { return block.GetBlockName() + "." + block.Label }

func newScope(body ast.Body) *scope {
	s := &scope{blocks: map[string][]*ast.BlockStmt{}, users: map[string][]user{}}
	for _, stmt := range body {
		block, _ := stmt.(*ast.BlockStmt)
		if block != nil {
			s.blocks[fullName(block)] = append(s.blocks[fullName(block)], block)
			if block.GetBlockName() == declareBlock {
				continue // A scope of its own.
			}
		}
		inspect(stmt, func(e ast.Expr) bool {
			if name := reference(e); name != "" {
				s.users[name] = append(s.users[name], user{block, e})
				return false
			}
			return true
		})
	}
	return s
}

// usersOf returns what refers to a component, whichever of its exports it takes.
func (s *scope) usersOf(component string) []user {
	var list []user
	for name, users := range s.users {
		if name == component || strings.HasPrefix(name, component+".") || strings.HasPrefix(component, name+".") {
			list = append(list, users...)
		}
	}
	return list
}

// convertBody rewrites the pipelines of a scope.
func (c *conversion) convertBody(body ast.Body) {
	s := newScope(body)
	feeds := map[*ast.BlockStmt][]*ast.BlockStmt{} // The sources of each loki.process,
	var order []*ast.BlockStmt                     // in the order in which these are met.
	for _, stmt := range body {
		block, ok := stmt.(*ast.BlockStmt)
		if !ok {
			continue
		}
		switch block.GetBlockName() {
		case declareBlock:
			c.convertBody(block.Body)
		case sourceBlock:
			process, why := s.processOf(c.text, block)
			if why != nil {
				c.leave(block, why)
				continue
			}
			if feeds[process] == nil {
				order = append(order, process)
			}
			feeds[process] = append(feeds[process], block)
		}
	}
	for _, process := range order {
		c.convertPipeline(s, feeds[process], process)
	}
}

// processOf returns the loki.process behind a source, if all entries go there
// and only those of such sources do.
func (s *scope) processOf(text []byte, block *ast.BlockStmt) (*ast.BlockStmt, *refusal) {
	if !strings.HasPrefix(string(text[block.NamePos.Offset():]), sourceBlock) || block.Label == "" {
		return nil, refuse(nil, "its name is not written in one piece, or it has no label")
	}
	if len(s.blocks[componentBlock+"."+block.Label]) > 0 {
		return nil, refuse(nil, "there is an %s %q already", componentBlock, block.Label)
	}
	if len(s.blocks[fullName(block)]) > 1 {
		return nil, refuse(nil, "there is another one of that label")
	}
	to := attribute(block.Body, "forward_to")
	if to == nil {
		return nil, refuse(nil, "it forwards to nothing")
	}
	name, ok := onlyReceiver(to.Value)
	if !ok {
		if list, isList := to.Value.(*ast.ArrayExpr); isList && len(list.Elements) > 1 {
			return nil, refuse(to.Value, "it forwards to %d receivers, and each is to get what it got", len(list.Elements))
		}
		return nil, refuse(to.Value, "it does not forward to a list of one receiver")
	}
	blocks := s.blocks[name]
	if len(blocks) != 1 || blocks[0].GetBlockName() != processBlock {
		return nil, refuse(to.Value, "it forwards to %s, where entries hold whole records and not the lines in them", name)
	}
	for _, u := range s.usersOf(name) {
		if u.block != nil && u.block.GetBlockName() == sourceBlock {
			if to := attribute(u.block.Body, "forward_to"); to != nil && spanOf(to.Value).holds(spanOf(u.value).start) {
				if _, alone := onlyReceiver(to.Value); alone {
					continue
				}
			}
		}
		return nil, refuse(u.value, "%s gets entries from elsewhere too", name)
	}
	return blocks[0], nil
}

// onlyReceiver returns the component whose receiver is the only one of a list.
func onlyReceiver(e ast.Expr) (component string, ok bool) {
	list, ok := e.(*ast.ArrayExpr)
	if !ok || len(list.Elements) != 1 {
		return "", false
	}
	return strings.CutSuffix(reference(list.Elements[0]), ".receiver")
}
