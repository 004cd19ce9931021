"""Charts: functions of a document, drawn as inline SVG when a page is laid out as HTML."""
