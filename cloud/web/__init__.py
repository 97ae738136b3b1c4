"""HTTP towards customers, edges that enrol, and operators: requests in, responses out, one shape for errors."""
