// Package terraform holds the tests of operations/terraform: that its modules are valid, and that what they plan grants, names and configures what they say.
//
// The configuration is read with HashiCorp's HCL library, and planned by a real OpenTofu, or by a real Terraform. The providers can't be real ones, because a plan
// of theirs asks AWS. A stand-in takes their place, which knows the arguments of the resources used here and fills in what AWS would answer.
//
// It is a module of its own because Alloy needs other versions of HashiCorp's libraries.
package terraform
