fromAddress();
filtering();
sorting();
apply();
addEventListener("hashchange", () => {
  fromAddress();
  apply();
  redraw();
});
if (charts.length > 0) {
  if (typeof echarts === "undefined") withoutLibrary();
  else {
    watch();
    print();
  }
}
