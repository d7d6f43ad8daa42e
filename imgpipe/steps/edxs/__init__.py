"""EDXS: line profiles, line intensities, response and quantification."""
