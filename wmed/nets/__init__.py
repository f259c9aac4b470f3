"""Networks that know the bulk form of the exchange between air and sea."""
