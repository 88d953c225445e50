"""Studies: tables whose cells are trainings, measured with several seeds, from one recipe each."""
