package reports

// hostileNames have broken reports before, ours or others'.
var hostileNames = []string{
	`</script><script>alert(1)</script>`,
	`__f__function(){alert(1)}__f__`,
	`nebula:duration`,
	`"quoted' & <b>bold</b>`,
	"\u202eright to left\u202c",
	`{{.Root}} ${alert(1)}`,
}
