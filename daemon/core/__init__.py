"""The pure core: synchronous, no clock, no sockets, no globals; takes `now`, returns values."""
