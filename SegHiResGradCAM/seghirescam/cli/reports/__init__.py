"""``seghirescam report``: of a cohort's run, or of one result's folder, a page to be read."""
