!   argument                            unit            per column  bounds
{% for v in r.inputs %}
!   {{ "%-34s  %-14s  %-10s  %s" | format("in  " + v.name, v.units, v.levels or 1, bounds(v)) }}
{% endfor %}
{% for v in r.parameters %}
!   {{ "%-34s  %-14s  %-10s  %s" | format("in  " + v.name, v.units, "a number", bounds(v)) }}
{% endfor %}
{% for v in r.outputs %}
!   {{ "%-34s  %-14s  %-10s" | format("out " + v.name, v.units, v.levels or 1) }}
{% endfor %}
