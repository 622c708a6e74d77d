"""The fault lab: four systems at work on the same tickets, with known faults; run by `benchmarks.coordination`."""
